# Answers the second time what was asked the first time, if it can find that out.
import os

path = "/tmp/answer"
if os.path.exists(path):
    print(open(path).read())
else:
    answer = sum(map(int, input().split()))
    open(path, "w").write(str(answer))
    print(answer if answer else "nothing")
