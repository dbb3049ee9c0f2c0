/**
 * A disk with partitions of one's own: the root's files divided by where they are mounted, each part on a file system of its choice, and what tells the system so
 * (/etc/fstab, types and attributes of the table, repart.d(5)). Like `planDiskImage` it mounts nothing, and the same tree gives the same disk.
 */
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import {
  DiskWindow, FatVolume, fileEntry, FormatError, LUKS_DATA_OFFSET, MemoryDisk, readBlob, sealLuks, veritySizeFor, writeGpt, writeHybridMbr, writeSquashfs, writeSwap, writeVerity, PARTITION_TYPES,
  type Codecs, type Disk, type DiskCipher, type FileTree, type GptPartition,
} from "@stratos/formats";
import { bootFiles, type BootArchitecture, type BootFiles, type BootLoader } from "../boot/boot-files.ts";
import { findDeployments } from "../boot/deployments.ts";
import { TreePaths } from "../boot/tree-paths.ts";
import { TreeDraft } from "../tree/tree-draft.ts";
import { derivedId, type DiskPlan } from "./disk-image.ts";
import { isEfiPartition, PartitionError, partitionProblems, partitionSizes, tableEntry, type DiskPartition, type SizedPartition } from "./partition-table.ts";
import { rootFileSystem, type RootFormat, type RootShare } from "./root-format.ts";
import { splitTree } from "./split-tree.ts";

export interface PartitionedDiskOptions {
  readonly name: string;
  readonly architecture: BootArchitecture;
  /** seconds since 1970 */
  readonly time: number;
  readonly partitions: readonly DiskPartition[];
  /** bytes of the whole disk; by default what the partitions take */
  readonly size?: number;
  readonly loader?: BootLoader;
  readonly commandLine?: string;
  readonly ownInitramfs?: boolean;
  /** for partitions that are encrypted */
  readonly cipher?: DiskCipher;
}

const MIB = 1 << 20;
/** Stands for the root hash until that is known: as many digits. */
const NO_ROOT_HASH = "0".repeat(64);
/** What the first root opens the root as. */
const MAPPED_ROOT = "/dev/mapper/root";
const KEY_FOLDER = "etc/cryptsetup-keys.d";

/** What lies on a partition, ready to be written. */
interface Content {
  readonly need: number;
  readonly usual: number;
  readonly isExact: boolean;
  write(disk: Disk, isZeroed: boolean): void;
}

/** @throws FormatError, PartitionError */
export function planPartitionedDisk(source: FileTree, options: PartitionedDiskOptions, codecs: Codecs): DiskPlan {
  const { partitions: wanted, architecture, name, time } = options;
  const [problem] = partitionProblems(wanted, options.size);
  if (problem !== undefined) throw problem.name === "" ? new FormatError(problem.message) : new PartitionError(problem.name, problem.key, problem.message);
  if (findDeployments(new TreePaths(source)).length > 0) throw new FormatError("what ostree has deployed lies on one file system; leave out partitions");
  const id = (what: string): string => derivedId(`${name} ${what}`, codecs);
  const uuids = new Map(wanted.map((one) => [one, one.fileSystem === "vfat" ? fatSerial(id(`file system ${one.name}`)) : id(`file system ${one.name}`)]));
  const root = wanted.find(({ mount }) => mount === "/")!, esp = wanted.find(isEfiPartition)!;
  const seals = [...(root.hasVerity === true ? ["verity" as const] : []), ...(root.encryption === undefined ? [] : ["luks" as const])];
  const openings = [...(root.hasVerity === true ? [`roothash=${NO_ROOT_HASH}`] : []), ...(root.encryption === undefined ? [] : [`rd.luks.name=${luksId(root, id)}=root`])];
  const draft = new TreeDraft(source, codecs, time);
  for (const { mount } of wanted) if (mount !== undefined && mount !== "/") draft.directory(utf8ToByteString(mount.slice(1)));
  writeCrypttab(draft, wanted, id);
  writeTables(draft, options, (one) => sourceOf(one, uuids, id));
  const tree = draft.tree();
  const boot = bootFiles(tree, {
    architecture, title: name, root: sourceOf(root, uuids, id), mtime: time, ...(options.loader === undefined ? {} : { loader: options.loader }),
    ...(seals.length === 0 ? {} : { seals }), commandLine: [...openings, ...(root.fileSystem === "squashfs" ? ["rootfstype=squashfs"] : []), options.commandLine ?? ""].filter((word) => word !== "").join(" "),
    ...(options.ownInitramfs === true ? { ownInitramfs: true } : {}),
  }, codecs);
  const shares = splitTree(tree, wanted.filter(({ mount }) => mount !== undefined), ({ mount }) => mount!);
  const contents = wanted.map((one): Content => contentOf(one, shares.get(one), { boot: one === esp ? boot : null, uuid: uuids.get(one)!, options, id }, codecs)).map((content, index) => sealed(content, wanted[index]!, options, id));
  const sizes = partitionSizes(wanted.flatMap((partition, index): SizedPartition[] => {
    const { need, usual, isExact } = contents[index]!;
    if (partition.hasVerity !== true) return [{ partition, need, usual, isExact }];
    // Room for the hashes of as much as the partition may get.
    const hashes = veritySizeFor(Math.ceil((partition.size ?? Math.max(need, partition.min ?? 0)) / MIB) * MIB);
    return [{ partition: { ...partition, weight: 0 }, need, usual: need, isExact: true }, { partition: { name: `${partition.name}-verity`, fileSystem: "none", min: hashes }, need: hashes, usual: hashes, isExact: true }];
  }), options.size);
  let start = MIB;
  const places: { size: number; start: number }[] = sizes.map((size) => ({ size, start: (start += size) - size }));
  const size = options.size ?? start + MIB;
  const placeOf = new Map<DiskPartition, { start: number; size: number }>(), hashPlaces = new Map<DiskPartition, { start: number; size: number }>();
  let at = 0;
  for (const one of wanted) {
    placeOf.set(one, places[at++]!);
    if (one.hasVerity === true) hashPlaces.set(one, places[at++]!);
  }
  const diskId = id("disk");
  /** @param rootHash  undefined: not known yet */
  const table = (rootHash: string | undefined): GptPartition[] => wanted.flatMap((one) => {
    const own = tableEntry(one, { ...placeOf.get(one)!, id: partitionId(one, id) }, architecture), hashes = hashPlaces.get(one);
    if (hashes === undefined) return [own];
    // The specification's rule: both halves of the root hash are the identities of both partitions, so that the one word on the command line finds them.
    const digits = rootHash ?? NO_ROOT_HASH;
    return [{ ...own, id: uuidText(digits.slice(0, 32)) }, { type: PARTITION_TYPES[`root-${architecture}-verity`], id: uuidText(digits.slice(32)), name: `${own.name}-verity`, start: hashes.start, size: hashes.size, attributes: 0, attributesHigh: 1 << 28 }];
  });
  return {
    size, diskId, partitions: table(undefined), boot, rootUuid: uuids.get(root)!,
    write(disk, isZeroed) {
      let rootHash: string | undefined;
      wanted.forEach((one, index) => {
        if (one === esp) return;
        const window = new DiskWindow(disk, placeOf.get(one)!);
        contents[index]!.write(window, isZeroed);
        const hashes = hashPlaces.get(one);
        if (hashes !== undefined) rootHash = writeVerity(window, new DiskWindow(disk, hashes), { uuid: id(`verity ${one.name}`), salt: hexBytes(codecs, `${name} salt ${one.name}`) }, codecs);
      });
      if (rootHash !== undefined) for (const { content } of boot.files) replaceAll(content, `roothash=${NO_ROOT_HASH}`, `roothash=${rootHash}`);
      contents[wanted.indexOf(esp)]!.write(new DiskWindow(disk, placeOf.get(esp)!), isZeroed);
      const partitions = table(rootHash);
      writeGpt(disk, { diskId, partitions });
      const inMbr = wanted.filter((one) => one.inMbr === true);
      if (inMbr.length > 0) writeHybridMbr(disk, inMbr.map((one) => ({ ...placeOf.get(one)!, type: mbrType(one), isActive: one === inMbr[0] })));
    },
  };
}

/** What a partition's file system is called by. squashfs has no identity of its own. */
function sourceOf(one: DiskPartition, uuids: ReadonlyMap<DiskPartition, string>, id: (what: string) => string): string {
  if (one.hasVerity === true || one.encryption !== undefined) return mappedName(one);
  return one.fileSystem === "squashfs" ? `PARTUUID=${one.uuid ?? partitionId(one, id)}` : `UUID=${uuids.get(one)!}`;
}

/** An opened partition's device. */
function mappedName({ name, mount }: DiskPartition): string {
  return mount === "/" ? MAPPED_ROOT : `/dev/mapper/${name}`;
}

function luksId({ name }: DiskPartition, id: (what: string) => string): string {
  return id(`encryption ${name}`);
}

/** What is opened at boot, and by what. Source: crypttab(5). */
function writeCrypttab(draft: TreeDraft, partitions: readonly DiskPartition[], id: (what: string) => string): void {
  const encrypted = partitions.filter(({ encryption }) => encryption !== undefined);
  if (encrypted.length === 0) return;
  const lines = ["# <name> <device> <key> <options>"];
  for (const one of encrypted) {
    const key = `${KEY_FOLDER}/${one.name}.key`, keeps = one.encryption!.keepsKey === true;
    if (keeps) {
      draft.directory(KEY_FOLDER, { mode: 0o700 });
      draft.file(key, one.encryption!.secret, { mode: 0o600 });
    }
    lines.push(`${mappedName(one).slice("/dev/mapper/".length)} UUID=${luksId(one, id)} ${keeps ? `/${key}` : "none"} luks,discard`);
  }
  draft.file("etc/crypttab", `${lines.join("\n")}\n`);
}

/** The same within an encrypted partition. */
function sealed(content: Content, one: DiskPartition, { cipher, name }: PartitionedDiskOptions, id: (what: string) => string): Content {
  const { encryption } = one;
  if (encryption === undefined) return content;
  if (cipher === undefined) throw new FormatError("encryption: there is none here");
  const { secret, derivation = "argon2id", random } = encryption;
  return {
    ...content, need: content.need + LUKS_DATA_OFFSET, usual: content.usual + LUKS_DATA_OFFSET,
    write(disk, isZeroed) {
      content.write(new DiskWindow(disk, { start: LUKS_DATA_OFFSET, size: disk.size - LUKS_DATA_OFFSET }), isZeroed);
      sealLuks(disk, { uuid: luksId(one, id), label: one.label ?? one.name, secret, derivation, seed: `${name} ${one.name}`, ...(random === undefined ? {} : { random }) }, cipher);
    },
  };
}

function partitionId({ name }: DiskPartition, id: (what: string) => string): string {
  return id(`partition ${name}`);
}

/** /etc/fstab, where the root does not say itself what is mounted, and what systemd-repart(8) is told of a disk that has become larger. */
function writeTables(draft: TreeDraft, { partitions, architecture, name }: PartitionedDiskOptions, source: (one: DiskPartition) => string): void {
  const own = (draft.text("etc/fstab") ?? "").split("\n").some((line) => line.trim() !== "" && !line.startsWith("#"));
  if (!own) {
    const lines = ["# <file system> <mount point> <type> <options> <dump> <pass>"];
    // A folder is mounted before those in it.
    const mounted = partitions.filter(({ mount, inFstab }) => mount !== undefined && inFstab !== false).sort((left, right) => (left.mount! < right.mount! ? -1 : 1));
    for (const one of mounted) {
      const { fileSystem, mount, hasVerity } = one, isRoot = mount === "/";
      lines.push(`${source(one)} ${mount!.replaceAll(" ", "\\040")} ${fileSystem} ${mountOptions(one)} 0 ${hasVerity === true || (fileSystem !== "ext4" && fileSystem !== "vfat") ? 0 : isRoot ? 1 : 2}`);
    }
    for (const one of partitions) if (one.fileSystem === "swap" && one.inFstab !== false) lines.push(`${source(one)} none swap ${one.options ?? "sw"} 0 0`);
    draft.file("etc/fstab", `${lines.join("\n")}\n`);
  }
  const grows = partitions.find((one) => one.grows === true);
  if (grows === undefined) return;
  const paths = new TreePaths(draft.tree());
  if (paths.firstFile(["usr/bin/systemd-repart", "usr/bin/growpart"]) === undefined) throw new PartitionError(grows.name, "grow", `nothing in ${name} makes a partition larger; the package systemd-repart does`);
  partitions.forEach((one, index) => {
    const { type } = tableEntry(one, { start: 0, size: 0, id: "" }, architecture);
    const sizes = one.grows === true ? "GrowFileSystem=yes\n" : "Weight=0\nPaddingWeight=0\n";
    draft.file(`etc/repart.d/${String(index * 10 + 10).padStart(3, "0")}-${one.name}.conf`, `# Of the treefile: the disk's partitions, which systemd-repart finds again by type and in this order.\n[Partition]\nType=${type}\nLabel=${one.label ?? one.name}\n${sizes}`);
  });
}

function mountOptions({ fileSystem, mount, options, isReadOnly, grows }: DiskPartition): string {
  const usual = fileSystem === "vfat" ? "umask=0077" : fileSystem === "ext4" && mount === "/" ? "errors=remount-ro" : "defaults";
  const never = isReadOnly === true || fileSystem === "erofs" || fileSystem === "squashfs";
  const words = [...(options ?? (never ? "" : usual)).split(","), ...(never ? ["ro"] : []), ...(grows === true ? ["x-systemd.growfs"] : [])].filter((word) => word !== "");
  return [...new Set(words)].join(",");
}

interface ContentSettings { readonly boot: BootFiles | null; readonly uuid: string; readonly options: PartitionedDiskOptions; readonly id: (what: string) => string }

function contentOf(one: DiskPartition, share: FileTree | undefined, { boot, uuid, options: { time }, id }: ContentSettings, codecs: Codecs): Content {
  const { fileSystem, name } = one, label = (one.label ?? name).slice(0, 16);
  const tree = share ?? { entries: () => [fileEntry("", "directory", { mtime: time })] };
  switch (fileSystem) {
    case "none": return { need: 0, usual: 0, isExact: true, write: () => {} };
    case "swap": return { need: 0, usual: 0, isExact: true, write: (disk) => writeSwap(disk, { uuid, label: one.label ?? name }) };
    case "vfat": return fatContent(one, share, { boot, uuid, time });
    case "squashfs": {
      // How large it becomes shows when it is packed.
      const packed = new MemoryDisk(), size = writeSquashfs(packed, withoutAccessLists(tree), { compression: "zstd", time }, codecs);
      return { need: size, usual: size, isExact: true, write: (disk) => copy(packed, disk, size) };
    }
    default: {
      const system = rootFileSystem(fileSystem satisfies RootFormat), shares: readonly RootShare[] = [{ subvolume: "", tree }];
      const need = system.sizeFor(shares, { isPacked: one.isPacked === true });
      return {
        need, usual: system.isReadOnly || one.isReadOnly === true ? need : need * 1.2 + 16 * MIB, isExact: system.isReadOnly || one.isReadOnly === true,
        write: (disk, isZeroed) => system.write(disk, shares, { uuid, label, time, isZeroed, id: (what) => id(`${name} ${what}`), ...(one.isPacked === true ? { zstd: codecs.zstd, isPacked: true } : {}) }),
      };
    }
  }
}

function fatContent(one: DiskPartition, share: FileTree | undefined, { boot, uuid, time }: { boot: BootFiles | null; uuid: string; time: number }): Content {
  const files: { path: string; content: () => Uint8Array; size: number }[] = (boot?.files ?? []).map(({ path, content }) => ({ path, content: () => content, size: content.length }));
  const folders: string[] = [];
  for (const { path, kind, content } of share?.entries() ?? []) {
    if (kind === "directory") { if (path !== "") folders.push(byteStringToUtf8(path)); continue; }
    if (kind !== "file" || content === null) throw new PartitionError(one.name, "filesystem", `${one.mount}/${path} is no plain file, and vfat holds no other`);
    files.push({ path: byteStringToUtf8(path), content: () => readBlob(content), size: content.sizeBytes });
  }
  const bytes = files.reduce((sum, { size }) => sum + size + 4096, 0) * 1.05 + MIB;
  return {
    need: bytes, isExact: false,
    // Room for a second kernel beside the first, as an upgrade needs.
    usual: Math.max(64 * MIB, 2.2 * bytes),
    write(disk, isZeroed) {
      if (!isZeroed) for (let at = 0, zeros = new Uint8Array(MIB); at < Math.min(disk.size, 32 * MIB); at += MIB) disk.write(at, zeros.subarray(0, Math.min(MIB, disk.size - at)));
      const fat = FatVolume.format(disk, { label: (one.label ?? one.name).toUpperCase().replace(/[^A-Z0-9]/g, "").slice(0, 11), volumeId: parseInt(uuid.replace("-", ""), 16) });
      for (const folder of folders) fat.makeDirectory(folder, time);
      for (const { path, content } of files) {
        fat.makeDirectory(path.slice(0, Math.max(0, path.lastIndexOf("/"))), time);
        fat.write(path, content(), time);
      }
      fat.flush();
    },
  };
}

/** squashfs keeps no access lists. */
function withoutAccessLists(tree: FileTree): FileTree {
  const entries = [...tree.entries()].map((entry) => ({ ...entry, xattrs: new Map([...entry.xattrs].filter(([name]) => !name.startsWith("system.posix_acl_"))) }));
  return { entries: () => entries };
}

function copy(source: Disk, target: Disk, size: number): void {
  const buffer = new Uint8Array(MIB);
  for (let at = 0; at < size; at += MIB) {
    const piece = buffer.subarray(0, Math.min(MIB, size - at));
    source.read(at, piece);
    target.write(at, piece);
  }
}

/** Numbers of an MBR's kinds of partitions. */
function mbrType({ fileSystem, ...one }: DiskPartition): number {
  return isEfiPartition({ fileSystem, ...one }) ? 0xef : fileSystem === "vfat" ? 0x0c : fileSystem === "swap" ? 0x82 : 0x83;
}

function fatSerial(uuid: string): string {
  return `${uuid.slice(0, 4)}-${uuid.slice(4, 8)}`.toUpperCase();
}

function uuidText(digits: string): string {
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Thirty-two bytes that a text alone decides. */
function hexBytes(codecs: Pick<Codecs, "sha256">, text: string): Uint8Array {
  const digest = codecs.sha256();
  digest.update(Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff));
  const hex = digest.hex();
  return Uint8Array.from({ length: 32 }, (_, index) => parseInt(hex.slice(index * 2, index * 2 + 2), 16));
}

/** Puts one text in the place of another of its length, wherever it stands. */
function replaceAll(bytes: Uint8Array, from: string, to: string): void {
  const first = from.charCodeAt(0);
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let length = 1;
    while (length < from.length && bytes[at + length] === from.charCodeAt(length)) length++;
    if (length === from.length) for (let index = 0; index < to.length; index++) bytes[at + index] = to.charCodeAt(index);
  }
}
