"""Shots and beats -> what each frame is made of."""
