"""A small platform that uses Beholden: it signs people in and serves their data to apps. All people in it are made up.

    python -m examples.platform --port 8500 --beholden http://127.0.0.1:8400 --key KEY --people 1000000 --seed 2018

It is a separate program: it speaks to Beholden over HTTP alone, as any platform would.
"""
