"""Songs made by rule, whose beats and bars are known exactly: to teach beat tracking, and to test it."""
