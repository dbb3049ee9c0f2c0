/**
 * Goal: Debian's unshare, lsns and nsenter make, show and enter namespaces, for root and for an ordinary user. Method:
 * scripts in a machine, and what they print.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { stratosRun } from "./support/stratos.ts";
import { ensureTestImage } from "./support/test-image.ts";

before(ensureTestImage);

/** What a namespace of each kind changes, in one line each. */
const INSIDE = `
echo "pid $$"; ps -e -o pid= -o comm= | head -2
id -u; hostname inside; hostname
ipcmk -M 100; ipcs -m | grep -c 0x
mount -t tmpfs none /mnt && touch /mnt/file && stat -c '%u %a' /mnt/file && umount /mnt
tail -n +3 /proc/net/dev | cut -d: -f1
kill -9 $$; kill -TERM $$; echo alive
chown 7 /tmp 2>&1; mknod /tmp/node c 1 3 2>&1
readlink /proc/self/ns/user | grep -c 4026531837 || true
`;
const PRINTED = [
  "pid 1",
  /^ +1 bash$/,
  /^ +\d+ ps$/,
  "0",
  "inside",
  "Shared memory id: 0",
  "1",
  "0 644",
  /^ +lo$/,
  "alive",
  "chown: changing ownership of '/tmp': Invalid argument",
  "mknod: /tmp/node: Operation not permitted",
  "0",
];

for (const user of ["root", "nobody"]) {
  test(`unshare gives ${user} a machine of its own: processes, names, objects, mounts and network`, async () => {
    const { stdout, stderr, status } = await stratosRun([
      ...["-u", user, "unshare", "-Urpmiun", "--fork", "--mount-proc"],
      ...["bash", "-c", INSIDE],
    ]);
    assert.equal(status, 0, stderr);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, PRINTED.length, stdout);
    PRINTED.forEach((expected, index) => {
      if (typeof expected === "string") assert.equal(lines[index], expected, stdout);
      else assert.match(lines[index]!, expected, stdout);
    });
  });
}

test("lsns lists namespaces, nsenter enters them, and a bind mount of one keeps it", async () => {
  const script = `
    mkfifo /tmp/ready
    unshare -Urpmun --fork --mount-proc bash -c 'hostname kept; echo > /tmp/ready; exec sleep 1000' &
    read -r < /tmp/ready
    pid=$(lsns -n -t pid -o PID,COMMAND | awk '/sleep|bash -c/ { print $1 }' | tail -1)
    lsns -n -t uts -o COMMAND | grep -c .
    nsenter -t "$pid" -a hostname
    nsenter -t "$pid" -U -p -m --preserve-credentials sh -c 'echo $PPID'
    touch /tmp/uts; mount --bind "/proc/$pid/ns/uts" /tmp/uts
    kill -9 "$pid"; wait 2> /dev/null
    nsenter --uts=/tmp/uts hostname; hostname
    unshare --map-auto -U true; echo "status $?"
  `;
  const { stdout, stderr } = await stratosRun(["bash", "-c", script]);
  assert.equal(stdout, "2\nkept\n0\nkept\nstratos\nstatus 1\n", stderr);
  assert.match(stderr, /no line matching user "root" in \/etc\/subuid/);
});
