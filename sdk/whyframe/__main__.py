"""Entry point of ``python -m whyframe``, which is the command ``whyframe``."""

from whyframe.cli import main

if __name__ == "__main__":
    main()
