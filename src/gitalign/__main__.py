"""`python -m gitalign`."""

from gitalign.start import main

if __name__ == "__main__":
    main()
