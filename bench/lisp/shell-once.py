"""Inside the machine: AstraLisp's utilities beside busybox', its shell beside others. Prints a JSON list of rows."""
import json
import os
import pty
import resource
import subprocess
import time

TIMES = 3
MEGABYTES = int(os.environ["MEGABYTES"])
TEXT = "/tmp/text"


def processor(argv, stdin=None):
    """Milliseconds of the processor of a command, the least of some; its output is looked at once."""
    best = None
    for _ in range(TIMES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open(stdin or "/dev/null") as source:
            done = subprocess.run(argv, stdin=source, stdout=subprocess.PIPE, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        best = spent if best is None else min(best, spent)
    return best * 1000, done.stdout


def prompt(argv):
    """Milliseconds from exec until a shell's prompt is there: the first time, and the median of eleven more."""
    environment = {"PATH": "/usr/bin:/bin", "PS1": "READY ", "TERM": "xterm", "HOME": "/tmp"}
    all = []
    for _ in range(12):
        begun = time.perf_counter()
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(argv[0], argv, environment)
        out = b""
        while b"READY " not in out:
            out += os.read(terminal, 4096)
        all.append((time.perf_counter() - begun) * 1000)
        os.write(terminal, b"exit\n")
        try:
            while os.read(terminal, 4096):
                pass
        except OSError:
            pass
        os.waitpid(pid, 0)
        os.close(terminal)
    return {"first": all[0], "later": sorted(all[1:])[5]}


os.makedirs("/tmp/astra", exist_ok=True)
for name in ("grep", "sed", "awk", "sort", "sh"):
    os.symlink("/mnt/astra", f"/tmp/astra/{name}")
words = "the quick brown fox jumps over a lazy dog and runs to see what nobody has seen before today".split()
state, piece = 12345, []
while sum(map(len, piece)) < 1 << 16:
    line = []
    for _ in range(9):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        line.append(words[(state >> 16) % len(words)])
    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    piece.append(" ".join([*line, str(state)]) + "\n")
with open(TEXT, "w") as text:
    # Of each piece the lines begin in another place, so that they are not sorted.
    for turn in range(MEGABYTES << 4):
        text.write("".join(piece[turn % len(piece) :] + piece[: turn % len(piece)]))
rows = []
for name, *arguments in (
    ("grep", "fox.*today"),
    ("sed", "s/quick/slow/g"),
    ("awk", "{ n[$1] += $NF } END { for (w in n) print w, n[w] }"),
    ("sort",),
):
    own, ours = processor([f"/tmp/astra/{name}", *arguments], TEXT)
    peer, theirs = processor(["busybox", name, *arguments], TEXT)
    if name == "awk":
        ours, theirs = sorted(ours.split()), sorted(theirs.split())
    rows.append({"row": f"{name} of {MEGABYTES} MB", "own": own, "peer": peer, "of": "busybox", "same": ours == theirs})
loop = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo $i"
own, ours = processor(["/tmp/astra/sh", "-c", loop])
for shell in ("dash", "bash"):
    peer, theirs = processor([shell, "-c", loop])
    rows.append({"row": "loop of 100,000", "own": own, "peer": peer, "of": shell, "same": ours == theirs})
prompts = {name: prompt(argv) for name, argv in (("astra", ["/mnt/astra"]), ("bash", ["/bin/bash", "--norc", "-i"]))}
print(json.dumps({"rows": rows, "prompts": prompts}))
