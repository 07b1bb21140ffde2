"""What several tests share: songs, faces, servers, random weights, paths."""
