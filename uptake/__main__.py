"""`python -m uptake` is `uptake`."""

from uptake.cli import main

if __name__ == "__main__":
    main()
