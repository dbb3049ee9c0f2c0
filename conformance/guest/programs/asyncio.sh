# Debian: python3
set -euo pipefail
python3 - <<'END'
import asyncio
async def answer(r, w):
    w.write(await r.readline()); await w.drain(); w.close()
async def ask(i):
    r, w = await asyncio.open_connection("127.0.0.1", 7020)
    w.write(b"%d\n" % i); assert await r.readline() == b"%d\n" % i; w.close()
async def main():
    await asyncio.start_server(answer, "127.0.0.1", 7020)
    await asyncio.gather(*(ask(i) for i in range(100)))
    p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    assert (await p.communicate(b"x"))[0] == b"x"
asyncio.run(main())
END
