/**
 * Makes a root the system of one machine: names, places, people. Files are those of Debian and systemd; what the root
 * already says is kept where nothing else is asked for. Source: hostname(5), hosts(5), fstab(5), locale.conf(5),
 * passwd(5), shadow(5), group(5), systemd.network(5).
 */
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { FormatError } from "@stratos/formats";
import type { TreeDraft } from "../tree/tree-draft.ts";
import type { InstallConfig, NetworkConfig, UserConfig } from "./install-schema.ts";
import type { PlannedPartition } from "./partition-plan.ts";

const FIRST_USER = 1000;
const SECONDS_OF_DAY = 86_400;

/** @throws FormatError when the root lacks what is asked for (a time zone, a group) */
export function configureSystem(
  draft: TreeDraft,
  config: InstallConfig,
  partitions: readonly PlannedPartition[],
): void {
  const { system = {} } = config;
  const hostname = system.hostname ?? "localhost";
  draft.file("etc/hostname", `${hostname}\n`);
  if (hostname !== "localhost") writeHosts(draft, hostname);
  writeFstab(draft, partitions);
  if (system.locale !== undefined) writeLocale(draft, system.locale);
  if (system.timezone !== undefined) writeTimezone(draft, system.timezone);
  if (system.keymap !== undefined) writeKeymap(draft, system.keymap);
  // An empty file: each machine gets a number of its own when it first starts.
  if (draft.has("etc/machine-id")) draft.file("etc/machine-id", "", { mode: 0o444 });
  const accounts = new Accounts(draft);
  if (config.root?.password_hash !== undefined) accounts.setPassword("root", config.root.password_hash);
  if (config.root?.ssh_keys !== undefined) writeKeys(draft, "root", { uid: 0, gid: 0 }, config.root.ssh_keys);
  for (const user of config.user ?? []) addUser(draft, accounts, user);
  accounts.write();
  for (const [index, network] of (config.network ?? []).entries()) writeNetwork(draft, network, index);
  for (const { path, content, mode } of config.file ?? [])
    draft.file(utf8ToByteString(path.slice(1)), content, { mode: mode === undefined ? 0o644 : parseInt(mode, 8) });
}

function writeHosts(draft: TreeDraft, hostname: string): void {
  const short = hostname.split(".")[0]!;
  const own = `127.0.1.1\t${hostname === short ? short : `${hostname} ${short}`}`;
  const old = draft.text("etc/hosts") ?? "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  draft.file(
    "etc/hosts",
    `${byteStringToUtf8(old)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("127.0.1.1"))
      .join("\n")}\n${own}\n`,
  );
}

function writeFstab(draft: TreeDraft, partitions: readonly PlannedPartition[]): void {
  const lines = ["# <file system> <mount point> <type> <options> <dump> <pass>"];
  // Nothing but its own programs knows the UUID of AegisFS; the partition's number everybody knows.
  const places = partitions.flatMap(({ config: { format }, partition, uuid, mountings }) =>
    mountings.map((mounting) => ({
      ...mounting,
      format,
      source: format === "aegisfs" ? `PARTUUID=${partition.id}` : `UUID=${uuid}`,
    })),
  );
  // A folder is mounted before those in it.
  for (const { mount, subvolume, options, format, source } of places.sort((a, b) => (a.mount < b.mount ? -1 : 1))) {
    const usual =
      { vfat: "umask=0077", erofs: "ro", aegisfs: "nofail" }[format as string] ??
      (format === "ext4" && mount === "/" ? "errors=remount-ro" : "defaults");
    const words =
      subvolume === "" ? (options ?? usual) : `subvol=${subvolume}${options === undefined ? "" : `,${options}`}`;
    lines.push(
      `${source} ${mount} ${format} ${words} 0 ${format !== "vfat" && format !== "ext4" ? 0 : mount === "/" ? 1 : 2}`,
    );
    if (mount !== "/") draft.directory(utf8ToByteString(mount.slice(1)));
  }
  for (const {
    config: { format, options },
    uuid,
  } of partitions)
    if (format === "swap") lines.push(`UUID=${uuid} none swap ${options ?? "sw"} 0 0`);
  draft.file("etc/fstab", `${lines.join("\n")}\n`);
}

function writeLocale(draft: TreeDraft, locale: string): void {
  draft.file("etc/locale.conf", `LANG=${locale}\n`);
  draft.file("etc/default/locale", `LANG=${locale}\n`);
  // Debian's locales package makes at its next run what this names.
  if (locale === "C.UTF-8" || locale === "C" || locale === "POSIX") return;
  const charset = /\.([^@]+)/.exec(locale)?.[1] ?? "ISO-8859-1";
  const wanted = `${locale} ${charset.toUpperCase() === "UTF8" ? "UTF-8" : charset}`;
  const old = byteStringToUtf8(draft.text("etc/locale.gen") ?? "")
    .split("\n")
    .filter((line) => line !== "" && line !== wanted && line !== `# ${wanted}`);
  draft.file("etc/locale.gen", `${[...old, wanted].join("\n")}\n`);
}

/**
 * keyboard(5) and vconsole.conf(5) in one file: Debian's systemd makes the second a link to the first at every start,
 * and each reader passes over the other's keys.
 */
function writeKeymap(draft: TreeDraft, keymap: string): void {
  const language = keymap.split(/[-_]/, 1)[0]!,
    layout = language === "uk" ? "gb" : language;
  draft.file(
    "etc/default/keyboard",
    `XKBMODEL="pc105"\nXKBLAYOUT="${layout}"\nXKBVARIANT=""\nXKBOPTIONS=""\nBACKSPACE="guess"\nKEYMAP=${keymap}\n`,
  );
  draft.symlink("etc/vconsole.conf", "default/keyboard");
}

function writeTimezone(draft: TreeDraft, timezone: string): void {
  if (draft.has("usr/share/zoneinfo") && !draft.has(`usr/share/zoneinfo/${timezone}`))
    throw new FormatError(`${timezone}: a time zone that the root does not have`);
  draft.symlink("etc/localtime", `/usr/share/zoneinfo/${timezone}`);
  draft.file("etc/timezone", `${timezone}\n`);
}

function addUser(draft: TreeDraft, accounts: Accounts, user: UserConfig): void {
  const ids = accounts.add(user);
  const home = `home/${user.name}`;
  // What each user begins with.
  draft.directory("home");
  if (!draft.has(home)) {
    draft.directory(home, { mode: 0o700, ...ids });
    for (const entry of draft.below("etc/skel")) {
      if (entry.path !== "etc/skel" && entry.kind !== "hardLink")
        draft.put({ ...entry, ...ids, path: home + entry.path.slice("etc/skel".length) });
    }
  }
  if (user.ssh_keys !== undefined) writeKeys(draft, home, ids, user.ssh_keys);
}

/** sshd takes keys only from a folder and a file that nobody else can write (sshd_config(5), StrictModes). */
function writeKeys(draft: TreeDraft, home: string, ids: { uid: number; gid: number }, keys: readonly string[]): void {
  draft.directory(home, draft.has(home) ? {} : { mode: 0o700, ...ids });
  draft.directory(`${home}/.ssh`, { mode: 0o700, ...ids });
  draft.file(`${home}/.ssh/authorized_keys`, keys.map((key) => `${key}\n`).join(""), { mode: 0o600, ...ids });
}

function writeNetwork(draft: TreeDraft, network: NetworkConfig, index: number): void {
  const lines = ["[Match]", `Name=${network.interface}`, "", "[Network]"];
  if (network.dhcp ?? network.addresses === undefined) lines.push("DHCP=yes");
  for (const address of network.addresses ?? []) lines.push(`Address=${address}`);
  if (network.gateway !== undefined) lines.push(`Gateway=${network.gateway}`);
  for (const server of network.dns ?? []) lines.push(`DNS=${server}`);
  draft.file(`etc/systemd/network/${String(20 + index)}-stratos.network`, `${lines.join("\n")}\n`);
  // What `systemctl enable systemd-networkd` makes.
  const unit = "usr/lib/systemd/system/systemd-networkd.service";
  if (draft.has(unit)) draft.symlink("etc/systemd/system/multi-user.target.wants/systemd-networkd.service", `/${unit}`);
}

type AccountFile = "passwd" | "shadow" | "group" | "gshadow";

/** `passwd`, `shadow`, `group`, `gshadow`, as lists of fields. */
class Accounts {
  readonly #draft: TreeDraft;
  readonly #files: Readonly<Record<AccountFile, string[][]>>;

  constructor(draft: TreeDraft) {
    this.#draft = draft;
    const read = (name: string): string[][] =>
      byteStringToUtf8(draft.text(`etc/${name}`) ?? "")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.split(":"));
    this.#files = { passwd: read("passwd"), shadow: read("shadow"), group: read("group"), gshadow: read("gshadow") };
    if (this.#files.passwd.length === 0) this.#files.passwd.push(["root", "x", "0", "0", "root", "/root", "/bin/sh"]);
    if (this.#files.group.length === 0) this.#files.group.push(["root", "x", "0", ""]);
  }

  setPassword(name: string, hash: string): void {
    const days = String(Math.floor(this.#draft.mtime / SECONDS_OF_DAY));
    const line = this.#files.shadow.find(([own]) => own === name);
    if (line === undefined) this.#files.shadow.push([name, hash, days, "0", "99999", "7", "", "", ""]);
    else {
      line[1] = hash;
      line[2] = days;
    }
  }

  add(user: UserConfig): { uid: number; gid: number } {
    const { passwd, group, gshadow } = this.#files;
    if (passwd.some(([name]) => name === user.name))
      throw new FormatError(`user ${user.name}: the root has one of this name`);
    const taken = new Set([...passwd.map((fields) => fields[2]), ...group.map((fields) => fields[2])]);
    let id = user.uid ?? FIRST_USER;
    if (user.uid === undefined) while (taken.has(String(id))) id++;
    else if (passwd.some((fields) => fields[2] === String(id)))
      throw new FormatError(`user ${user.name}: the number ${id} is taken`);
    let gid = id;
    while (group.some((fields) => fields[2] === String(gid))) gid++;
    const shell =
      user.shell ?? (this.#draft.has("bin/bash") || this.#draft.has("usr/bin/bash") ? "/bin/bash" : "/bin/sh");
    passwd.push([user.name, "x", String(id), String(gid), user.comment ?? "", `/home/${user.name}`, shell]);
    group.push([user.name, "x", String(gid), ""]);
    if (gshadow.length > 0) gshadow.push([user.name, "!", "", ""]);
    for (const name of user.groups ?? []) {
      const line = group.find(([own]) => own === name);
      if (line === undefined) throw new FormatError(`user ${user.name}: the root has no group ${name}`);
      line[3] = [...(line[3] ?? "").split(",").filter((member) => member !== ""), user.name].join(",");
      const secret = gshadow.find(([own]) => own === name);
      if (secret !== undefined) secret[3] = line[3];
    }
    this.setPassword(user.name, user.password_hash ?? "!");
    return { uid: id, gid };
  }

  write(): void {
    const put = (name: AccountFile, mode: number, gid: number): void => {
      const lines = this.#files[name];
      if (lines.length === 0) return;
      const old = this.#draft.get(`etc/${name}`);
      this.#draft.file(`etc/${name}`, lines.map((fields) => `${fields.join(":")}\n`).join(""), {
        mode: old?.mode ?? mode,
        gid: old?.gid ?? gid,
      });
    };
    const shadowGroup = Number(this.#files.group.find(([name]) => name === "shadow")?.[2] ?? 0);
    put("passwd", 0o644, 0);
    put("group", 0o644, 0);
    put("shadow", 0o640, shadowGroup);
    put("gshadow", 0o640, shadowGroup);
  }
}
