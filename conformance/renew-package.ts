/**
 * An unpacked package (dpkg-deb -R) as a new version of it would be: each program, library and document has another
 * content, and everything another time.
 */
import { createHash } from "node:crypto";
import {
  appendFileSync,
  closeSync,
  existsSync,
  lstatSync,
  lutimesSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** @param mark  what is appended, so that versions differ; programs do not look behind what their headers name */
export function renewContent(unpacked: string, seconds: number, mark = "\n"): void {
  const paths = readdirSync(unpacked, { recursive: true, encoding: "utf8" });
  for (const path of paths) {
    if (path.startsWith("DEBIAN") || !lstatSync(join(unpacked, path)).isFile()) continue;
    if (path.startsWith("usr/share/doc/") || isElf(join(unpacked, path))) appendFileSync(join(unpacked, path), mark);
  }
  const sums = join(unpacked, "DEBIAN/md5sums");
  if (existsSync(sums))
    writeFileSync(
      sums,
      readFileSync(sums, "utf8").replace(
        /^[0-9a-f]{32} {2}(.*)$/gm,
        (_, path: string) =>
          `${createHash("md5")
            .update(readFileSync(join(unpacked, path)))
            .digest("hex")}  ${path}`,
      ),
    );
  for (const path of paths) lutimesSync(join(unpacked, path), seconds, seconds);
}

function isElf(path: string): boolean {
  const fd = openSync(path, "r"),
    magic = Buffer.alloc(4);
  try {
    return readSync(fd, magic) === 4 && magic.toString("latin1") === "\x7fELF";
  } finally {
    closeSync(fd);
  }
}
