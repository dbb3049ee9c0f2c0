/**
 * A disk with partitions of one's own: the root's files divided by where they are mounted, each part on a file system
 * of its choice, and what tells the system so (/etc/fstab, types and attributes of the table, repart.d(5)). Like
 * `planDiskImage` it mounts nothing, and the same tree gives the same disk.
 */
import { utf8ToByteString } from "@stratos/base";
import {
  DiskWindow,
  FormatError,
  PARTITION_TYPES,
  veritySizeFor,
  writeGpt,
  writeHybridMbr,
  writeVerity,
  type Codecs,
  type DiskCipher,
  type FileTree,
  type GptPartition,
} from "@stratos/formats";
import { bootFiles, type BootArchitecture, type BootLoader } from "../boot/boot-files.ts";
import { findDeployments } from "../boot/deployments.ts";
import type { RootSeal } from "../boot/initramfs.ts";
import { TreePaths } from "../tree/tree-paths.ts";
import { TreeDraft } from "../tree/tree-draft.ts";
import { derivedId, type DiskPlan } from "./disk-image.ts";
import { partitionContent } from "./partition-content.ts";
import {
  luksId,
  mappedName,
  partitionId,
  sourceOf,
  writeActivation,
  writeCrypttab,
  writeTables,
} from "./partition-mounts.ts";
import {
  isEfiPartition,
  PartitionError,
  partitionProblems,
  partitionSizes,
  tableEntry,
  volumeGroupOf,
  type DiskPartition,
  type SizedPartition,
} from "./partition-table.ts";
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

/** @throws FormatError, PartitionError */
export function planPartitionedDisk(source: FileTree, options: PartitionedDiskOptions, codecs: Codecs): DiskPlan {
  const { partitions: wanted, architecture, name, time } = options;
  const [problem] = partitionProblems(wanted, options.size);
  if (problem !== undefined)
    throw problem.name === ""
      ? new FormatError(problem.message)
      : new PartitionError(problem.name, problem.key, problem.message);
  if (findDeployments(new TreePaths(source)).length > 0)
    throw new FormatError("what ostree has deployed lies on one file system; leave out partitions");
  const id = (what: string): string => derivedId(`${name} ${what}`, codecs);
  const all = wanted.flatMap((one) => [one, ...(one.volumes ?? [])]);
  const uuids = new Map(
    all.map((one) => [
      one,
      one.fileSystem === "vfat" ? fatSerial(id(`file system ${one.name}`)) : id(`file system ${one.name}`),
    ]),
  );
  const root = all.find(({ mount }) => mount === "/")!,
    esp = wanted.find(isEfiPartition)!,
    holder = wanted.find((one) => one === root || one.volumes?.includes(root) === true)!;
  const seals: RootSeal[] = [
    ...(root.hasVerity === true ? ["verity" as const] : []),
    ...(holder.encryption === undefined ? [] : ["luks" as const]),
    ...(holder === root ? [] : ["lvm" as const]),
  ];
  const openings = [
    ...(root.hasVerity === true ? [`roothash=${NO_ROOT_HASH}`] : []),
    ...(holder.encryption === undefined
      ? []
      : [`rd.luks.name=${luksId(holder, id)}=${mappedName(holder).slice("/dev/mapper/".length)}`]),
    ...(holder === root ? [] : [`rd.lvm.lv=${volumeGroupOf(holder)}/${root.name}`]),
  ];
  const settings = { all, uuids, id };
  const draft = new TreeDraft(source, codecs, time);
  for (const { mount } of all)
    if (mount !== undefined && mount !== "/") draft.directory(utf8ToByteString(mount.slice(1)));
  writeCrypttab(draft, wanted, id);
  writeTables(draft, options, settings);
  if (holder !== root && holder.encryption !== undefined && holder.volumes!.length > 1)
    writeActivation(draft, volumeGroupOf(holder));
  const tree = draft.tree();
  const boot = bootFiles(
    tree,
    {
      architecture,
      title: name,
      root: sourceOf(root, settings),
      mtime: time,
      ...(options.loader === undefined ? {} : { loader: options.loader }),
      ...(seals.length === 0 ? {} : { seals, grows: holder.grows === true }),
      commandLine: [
        ...openings,
        ...(root.fileSystem === "squashfs" ? ["rootfstype=squashfs"] : []),
        options.commandLine ?? "",
      ]
        .filter((word) => word !== "")
        .join(" "),
      ...(options.ownInitramfs === true ? { ownInitramfs: true } : {}),
    },
    codecs,
  );
  const shares = splitTree(
    tree,
    all.filter(({ mount }) => mount !== undefined),
    ({ mount }) => mount!,
  );
  const contents = wanted.map((one) =>
    partitionContent(
      one,
      { name, time, cipher: options.cipher, boot: { on: esp, files: boot }, shares, uuids, id },
      codecs,
    ),
  );
  const sizes = partitionSizes(
    wanted.flatMap((partition, index): SizedPartition[] => {
      const { need, usual, isExact } = contents[index]!;
      if (partition.hasVerity !== true) return [{ partition, need, usual, isExact }];
      // Room for the hashes of as much as the partition may get.
      const hashes = veritySizeFor(Math.ceil((partition.size ?? Math.max(need, partition.min ?? 0)) / MIB) * MIB);
      return [
        { partition: { ...partition, weight: 0 }, need, usual: need, isExact: true },
        {
          partition: { name: `${partition.name}-verity`, fileSystem: "none", min: hashes },
          need: hashes,
          usual: hashes,
          isExact: true,
        },
      ];
    }),
    options.size,
  );
  let start = MIB;
  const places: { size: number; start: number }[] = sizes.map((size) => ({ size, start: (start += size) - size }));
  const size = options.size ?? start + MIB;
  const placeOf = new Map<DiskPartition, { start: number; size: number }>(),
    hashPlaces = new Map<DiskPartition, { start: number; size: number }>();
  let at = 0;
  for (const one of wanted) {
    placeOf.set(one, places[at++]!);
    if (one.hasVerity === true) hashPlaces.set(one, places[at++]!);
  }
  const diskId = id("disk");
  /** @param rootHash  undefined: not known yet */
  const table = (rootHash: string | undefined): GptPartition[] =>
    wanted.flatMap((one) => {
      const own = tableEntry(one, { ...placeOf.get(one)!, id: partitionId(one, id) }, architecture),
        hashes = hashPlaces.get(one);
      if (hashes === undefined) return [own];
      // The specification's rule: both halves of the root hash are the identities of both partitions, so that the one
      // word on the command line finds them.
      const digits = rootHash ?? NO_ROOT_HASH;
      return [
        { ...own, id: uuidText(digits.slice(0, 32)) },
        {
          type: PARTITION_TYPES[`root-${architecture}-verity`],
          id: uuidText(digits.slice(32)),
          name: `${own.name}-verity`,
          start: hashes.start,
          size: hashes.size,
          attributes: 0,
          attributesHigh: 1 << 28,
        },
      ];
    });
  return {
    size,
    diskId,
    partitions: table(undefined),
    boot,
    rootUuid: uuids.get(root)!,
    write(disk, isZeroed) {
      let rootHash: string | undefined;
      wanted.forEach((one, index) => {
        if (one === esp) return;
        const window = new DiskWindow(disk, placeOf.get(one)!);
        contents[index]!.write(window, isZeroed);
        const hashes = hashPlaces.get(one);
        if (hashes !== undefined)
          rootHash = writeVerity(
            window,
            new DiskWindow(disk, hashes),
            { uuid: id(`verity ${one.name}`), salt: hexBytes(codecs, `${name} salt ${one.name}`) },
            codecs,
          );
      });
      if (rootHash !== undefined)
        for (const { content } of boot.files) replaceAll(content, `roothash=${NO_ROOT_HASH}`, `roothash=${rootHash}`);
      contents[wanted.indexOf(esp)]!.write(new DiskWindow(disk, placeOf.get(esp)!), isZeroed);
      const partitions = table(rootHash);
      writeGpt(disk, { diskId, partitions });
      const inMbr = wanted.filter((one) => one.inMbr === true);
      if (inMbr.length > 0)
        writeHybridMbr(
          disk,
          inMbr.map((one) => ({ ...placeOf.get(one)!, type: mbrType(one), isActive: one === inMbr[0] })),
        );
    },
  };
}

/** Numbers of an MBR's kinds of partitions. */
function mbrType({ fileSystem, ...one }: DiskPartition): number {
  return isEfiPartition({ fileSystem, ...one })
    ? 0xef
    : fileSystem === "vfat"
      ? 0x0c
      : fileSystem === "swap"
        ? 0x82
        : 0x83;
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
    if (length === from.length)
      for (let index = 0; index < to.length; index++) bytes[at + index] = to.charCodeAt(index);
  }
}
