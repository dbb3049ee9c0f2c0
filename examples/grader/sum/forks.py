# Takes all the processes and connections that it can get; then it still has to answer.
import os
import signal
import socket

for _ in range(100):
    try:
        if os.fork() == 0:
            signal.pause()
    except BlockingIOError:
        break
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
except OSError:
    print(sum(map(int, input().split())))
