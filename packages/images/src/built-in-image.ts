/** The image `astra`: the shell and the utilities of AstraLisp, without a package and without a download. */
import { astraProgram } from "@stratos/tools-node/lisp";
import { ASTRA_IMAGE, GUEST_ARCHITECTURE } from "./defaults.ts";
import { ImageStore } from "./image-store.ts";
import { newImage } from "./import-image.ts";

const FOLDERS = ["bin", "dev", "etc", "home", "mnt", "proc", "root", "run", "sys", "tmp", "usr", "var", "var/tmp"];
const LINKS: Readonly<Record<string, string>> = {
  sbin: "bin",
  "usr/bin": "../bin",
  "usr/sbin": "../bin",
  "bin/sh": "astra",
};
const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/astra\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
  "etc/group": "root:x:0:\nusers:x:100:\nnogroup:x:65534:\n",
  "etc/shadow": "root:*::0:99999:7:::\nnobody:*::0:99999:7:::\n",
  "etc/hostname": "astra\n",
  "etc/hosts": "127.0.0.1 localhost astra\n",
  "etc/os-release": 'NAME="AstraLisp OS"\nID=astra\nPRETTY_NAME="AstraLisp OS"\n',
};

/**
 * Makes it when it is not there, or of other sources. An image of this name that was made in another way stays.
 *
 * @param onStart  told when its programs are compiled, which takes some seconds
 */
export async function ensureAstraImage(home: string, onStart: () => void): Promise<void> {
  const found = new ImageStore(home).find(ASTRA_IMAGE)?.description;
  const { version, utilities, built, compile } = astraProgram();
  if (found !== undefined && (found.origin !== "built-in" || found.packages[0]?.version === version)) return;
  const program = built() ?? (onStart(), compile());
  const packages = [{ name: ASTRA_IMAGE, version }];
  const image = { name: ASTRA_IMAGE, home, architecture: GUEST_ARCHITECTURE, origin: "built-in", packages } as const;
  await newImage(image, (writer) => {
    const meta = { uid: 0, gid: 0, mtime: 0 };
    writer.directory("", { ...meta, mode: 0o755 });
    for (const path of FOLDERS) writer.directory(path, { ...meta, mode: path.endsWith("tmp") ? 0o1777 : 0o755 });
    for (const [path, text] of Object.entries(FILES))
      writer.file(path, { ...meta, mode: path === "etc/shadow" ? 0o600 : 0o644 }, new TextEncoder().encode(text));
    writer.packedFile("bin/astra", { ...meta, mode: 0o755 }, program);
    const names = utilities.map((name) => [`bin/${name}`, "astra"] as const);
    for (const [path, target] of [...Object.entries(LINKS), ...names])
      writer.symlink(path, { ...meta, mode: 0o777 }, target);
    writer.finish();
  });
}
