"""`python -m gitalign`."""

from gitalign.cli.main import main

if __name__ == "__main__":
    main()
