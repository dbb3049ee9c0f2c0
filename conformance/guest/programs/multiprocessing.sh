# Debian: python3
set -euo pipefail
cat > /tmp/m.py <<'END'
import concurrent.futures as c, multiprocessing as m
if __name__ == "__main__":
    with m.Pool(3) as p: assert sum(p.map(abs, range(-50, 50))) == 2500
    with c.ProcessPoolExecutor(2) as e: assert list(e.map(pow, [2, 3], [3, 2])) == [8, 9]
    q = m.Queue()
    p = m.Process(target=q.put, args=(5,))
    p.start()
    assert q.get() == 5
    p.join()
END
python3 /tmp/m.py
