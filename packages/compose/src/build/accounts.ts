/**
 * Accounts of an image: lines of `passwd`, `shadow`, `group` and `gshadow`. Source: passwd(5), shadow(5), group(5),
 * gshadow(5). Texts are byte strings.
 */
import { utf8ToByteString } from "@stratos/base";
import type { UserConfig } from "../treefile/schema-system.ts";

/** The four files, as tables of fields. */
export class Accounts {
  readonly #passwd: string[][];
  readonly #shadow: string[][];
  readonly #group: string[][];
  readonly #gshadow: string[][];
  readonly #dayOfEpoch: number;

  constructor(files: { passwd: string; shadow: string; group: string; gshadow: string }, epochSeconds: number) {
    this.#passwd = parse(files.passwd, 7);
    this.#shadow = parse(files.shadow, 9);
    this.#group = parse(files.group, 4);
    this.#gshadow = parse(files.gshadow, 4);
    this.#dayOfEpoch = Math.floor(epochSeconds / 86400);
  }

  get files(): { passwd: string; shadow: string; group: string; gshadow: string } {
    return {
      passwd: format(this.#passwd),
      shadow: format(this.#shadow),
      group: format(this.#group),
      gshadow: format(this.#gshadow),
    };
  }

  /**
   * Adds a user, or changes the one that is there.
   *
   * @returns ids and home; `isNew` when it was not there
   * @throws AccountError
   */
  set(name: string, config: UserConfig): { uid: number; gid: number; home: string; isNew: boolean } {
    let row = this.#passwd.find(([one]) => one === name);
    const isNew = row === undefined;
    const isSystem = config.system === true;
    if (row === undefined) {
      const uid = config.uid ?? this.#freeId(isSystem);
      const taken = this.#passwd.find((one) => one[2] === String(uid));
      if (taken !== undefined) throw new AccountError(`${name}: the uid ${uid} is that of ${taken[0]!}`);
      const gid = config.gid ?? this.#ownGroup(name, uid);
      if (!this.#group.some((one) => one[2] === String(gid)))
        throw new AccountError(`${name}: there is no group ${gid}`);
      row = [
        name,
        "x",
        String(uid),
        String(gid),
        "",
        isSystem ? "/nonexistent" : `/home/${name}`,
        isSystem ? "/usr/sbin/nologin" : "/bin/sh",
      ];
      this.#passwd.push(row);
      this.#shadow.push([name, "!", String(this.#dayOfEpoch), "0", "99999", "7", "", "", ""]);
    } else {
      if (config.uid !== undefined) row[2] = String(config.uid);
      if (config.gid !== undefined) row[3] = String(config.gid);
    }
    if (config.comment !== undefined) row[4] = utf8ToByteString(config.comment);
    if (config.home !== undefined) row[5] = utf8ToByteString(config.home);
    if (config.shell !== undefined) row[6] = utf8ToByteString(config.shell);
    if (config.password !== undefined) {
      const shadow = this.#shadow.find(([one]) => one === name);
      if (shadow === undefined) row[1] = config.password;
      else {
        shadow[1] = config.password;
        shadow[2] = String(this.#dayOfEpoch);
      }
    }
    for (const group of config.groups ?? []) this.#join(name, group);
    return { uid: Number(row[2]), gid: Number(row[3]), home: row[5]!, isNew };
  }

  #join(name: string, group: string): void {
    const row = this.#group.find(([one]) => one === group);
    if (row === undefined) throw new AccountError(`${name}: there is no group ${group}`);
    for (const line of [row, this.#gshadow.find(([one]) => one === group)]) {
      if (line === undefined) continue;
      const members = line[3]!.split(",").filter((one) => one !== "");
      if (!members.includes(name)) line[3] = [...members, name].join(",");
    }
  }

  #ownGroup(name: string, uid: number): number {
    const known = this.#group.find(([one]) => one === name);
    if (known !== undefined) return Number(known[2]);
    let gid = uid;
    while (this.#group.some((one) => one[2] === String(gid))) gid++;
    this.#group.push([name, "x", String(gid), ""]);
    this.#gshadow.push([name, "!", "", ""]);
    return gid;
  }

  /** People count up from 1000, systems down from 999 (login.defs(5), UID_MIN and SYS_UID_MAX). */
  #freeId(isSystem: boolean): number {
    let id = isSystem ? 999 : 1000;
    while (this.#passwd.some((one) => one[2] === String(id)) || this.#group.some((one) => one[2] === String(id)))
      id += isSystem ? -1 : 1;
    return id;
  }
}

export class AccountError extends Error {
  override name = "AccountError";
}

function parse(text: string, fields: number): string[][] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const parts = line.split(":");
      while (parts.length < fields) parts.push("");
      return parts;
    });
}

function format(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.join(":")}\n`).join("");
}
