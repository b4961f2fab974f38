"""`client.py <socket> <module> [argument …]` is `python -m <module> [argument …]`, by the server there."""

import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as door:
    door.connect(sys.argv[1])
    told = os.getcwd(), dict(os.environ), sys.argv[2:]  # noqa: PTH109  pathlib takes 10 ms
    socket.send_fds(door, [b"."], [0, 1, 2])
    door.sendall(repr(told).encode())
    door.shutdown(socket.SHUT_WR)
    said = door.recv(1)
sys.exit(said[0] if said else 70)
