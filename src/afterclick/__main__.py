"""`python -m afterclick` is the command line."""

from afterclick.surfaces.cli import main

if __name__ == "__main__":
    main()
