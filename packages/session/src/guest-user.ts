/** Who a program runs as: `USER[:GROUP]`, looked up in the image's passwd(5) and group(5). */
import type { Subvolume } from "@stratos/aegisfs";
import { byteString, utf8ToByteString } from "@stratos/base";
import { SessionError } from "./session-error.ts";
import { readVolumeFile } from "./volume-file.ts";

export interface GuestUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one not among them. */
  readonly groups: readonly number[];
  /** Byte strings. */
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

const ID_MAX = 0xfffffffe;

/** @throws SessionError when a name is not known; numbers need not be */
export function findGuestUser(files: Subvolume, request: string): GuestUser {
  const [userText, groupText] = utf8ToByteString(request).split(":") as [string, string | undefined];
  const passwd = rows(files, "etc/passwd");
  const groupRows = rows(files, "etc/group");
  const row = passwd.find((fields) => fields[0] === userText) ?? passwd.find((fields) => fields[2] === userText);
  const uid = row === undefined ? numberOf(userText) : numberOf(row[2]!);
  if (uid === null) throw new SessionError("user", request, "no such user in the image");
  let gid = row === undefined ? 0 : (numberOf(row[3]!) ?? 0);
  const name = row?.[0] ?? String(uid);
  let groups: number[] = [];
  if (groupText === undefined) {
    groups = groupRows
      .filter((fields) => (fields[3] ?? "").split(",").includes(name))
      .map((fields) => numberOf(fields[2] ?? ""))
      .filter((number) => number !== null && number !== gid) as number[];
  } else {
    const found = numberOf(groupRows.find((fields) => fields[0] === groupText)?.[2] ?? groupText);
    if (found === null) throw new SessionError("user", request, "no such group in the image");
    gid = found;
  }
  return { uid, gid, groups, name, home: row?.[5] || "/", shell: row?.[6] || "/bin/sh" };
}

function rows(files: Subvolume, path: string): string[][] {
  const bytes = readVolumeFile(files, path);
  return bytes === null
    ? []
    : byteString(bytes)
        .split("\n")
        .map((line) => line.split(":"))
        .filter((fields) => fields.length >= 3);
}

function numberOf(text: string): number | null {
  return /^\d{1,10}$/.test(text) && Number(text) <= ID_MAX ? Number(text) : null;
}
