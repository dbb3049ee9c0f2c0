/**
 * What a treefile asks of its packages that they cannot give, and what who made it should know of its outputs: told
 * when the packages are known, before anything is fetched or built.
 */
import { DISK_FORMATS } from "@stratos/outputs/format-names";
import type { LockedImage } from "./gather/lock.ts";
import type { KeyPath } from "./treefile/positions.ts";
import type { PartitionConfig } from "./treefile/schema-disk.ts";
import type { OutputConfig } from "./treefile/schema-output.ts";
import type { ImageTarget, Treefile } from "./treefile/treefile.ts";
import type { TreefileProblem } from "./treefile/parse.ts";

const DISKS: ReadonlySet<string> = new Set<OutputConfig["format"]>(DISK_FORMATS);
/** Formats of what a computer starts, which takes a kernel. */
const BOOTED: ReadonlySet<string> = new Set<OutputConfig["format"]>([...DISK_FORMATS, "iso", "initramfs"]);
const UNWRITTEN: ReadonlySet<string> = new Set(["erofs", "squashfs"]);
/** Machines that the Open Virtualization Format's CIM types name and its hosts run. */
const OVA_ARCHITECTURES: readonly string[] = ["amd64", "arm64"];
const IS_KERNEL = /^(linux-image-|linux-signed-|linux-base-kernel|proxmox-kernel-|pve-kernel-)/;
/** Groups that base-passwd makes in every system, and systemd's packages in theirs. */
const KNOWN_GROUPS = new Set(
  (
    "root daemon bin sys adm tty disk lp mail news uucp man proxy kmem dialout fax voice cdrom floppy tape sudo " +
    "audio dip www-data backup operator list irc src shadow utmp video sasl plugdev staff games " +
    "users nogroup systemd-journal systemd-network systemd-resolve systemd-timesync input render kvm sgx clock " +
    "netdev messagebus crontab _ssh ssh docker"
  ).split(" "),
);

/**
 * @param locked  the image's packages
 * @returns notes, each at its key
 * @throws TreefileError  an output that needs what no package, file or script can bring
 */
export function checkImage(
  treefile: Treefile,
  target: ImageTarget,
  locked: Pick<LockedImage, "packages">,
): TreefileProblem[] {
  const { config } = target,
    names = new Set(locked.packages.map(({ name }) => name)),
    notes: TreefileProblem[] = [];
  const note = (key: KeyPath, message: string): void =>
    void notes.push(...treefile.problem(target, key, message).problems);
  const outputs = Object.entries(config.outputs ?? {});

  // A package of another archive, a script or a file of the treefile may bring one under any name.
  const hasKernel = [...names].some((name) => IS_KERNEL.test(name)),
    mayHaveOne =
      hasKernel ||
      (config.scripts ?? []).length > 0 ||
      config.mirror !== undefined ||
      Object.keys(config.repositories ?? {}).length > 0 ||
      Object.keys(config.files ?? {}).some((path) => /^\/(boot|usr\/lib\/modules)\//.test(path));
  const wantsLayout = config.ostree?.bootc === true;
  for (const [name, output] of outputs) {
    if (output.format === "ova" && !OVA_ARCHITECTURES.includes(target.architecture)) {
      throw treefile.problem(
        target,
        ["outputs", name],
        `an OVA is for machines of amd64 or arm64, not of ${target.architecture}`,
      );
    }
    const isStarted =
      BOOTED.has(output.format) || (wantsLayout && ["ostree", "oci", "oci-archive"].includes(output.format));
    if (isStarted && !mayHaveOne)
      throw treefile.problem(
        target,
        ["outputs", name],
        `${output.format} needs a kernel, and none of the image's packages is one; take ` +
          `linux-image-${target.architecture}` +
          `${
            target.architecture === "amd64" || target.architecture === "arm64"
              ? `, or linux-image-cloud-${target.architecture} for virtual machines`
              : ""
          }`,
      );
    if (isStarted && !hasKernel)
      note(
        ["outputs", name],
        `${output.format} needs a kernel, and no package of the image is known to be one: it will fail unless ` +
          "something else brings it",
      );
    if (output.format === "ostree" && !wantsLayout && (config.ostree?.bootc === false || !mayHaveOne))
      note(
        ["outputs", name],
        "the commit can be checked out, but `ostree admin deploy` and bootc refuse it, since it holds no kernel " +
          "laid out for them",
      );
  }

  // What opens a root is copied from the image when its disk is made, and is missed only then.
  const isKnown =
    (config.scripts ?? []).length === 0 &&
    config.mirror === undefined &&
    Object.keys(config.repositories ?? {}).length === 0 &&
    config.overlay === undefined;
  for (const [name, output] of outputs)
    for (const { key, program, packages, isOfRoot } of neededTools(output, target.architecture)) {
      if (packages.some((one) => names.has(one))) continue;
      const message = `no package of the image brings ${program}; ${packages[0]} does`;
      if (isOfRoot && isKnown)
        throw treefile.problem(target, ["outputs", name, ...key], `${message}, and it is needed to start the system`);
      note(["outputs", name, ...key], message);
    }
  if (
    isKnown &&
    names.has("openssh-server") &&
    !Object.keys(config.files ?? {}).some((path) => /^\/etc\/ssh\b/.test(path))
  )
    for (const [name, output] of outputs) {
      const key = readOnlyRoot(output);
      if (key !== undefined)
        note(
          ["outputs", name, ...key],
          "sshd makes its host keys in /etc/ssh when it first starts, and cannot where the root is read-only: nobody " +
            "will be let in unless `files` has some, such as /etc/ssh/ssh_host_ed25519_key",
        );
    }

  const isMissed = (...packages: readonly string[]): boolean =>
    isKnown && config.base !== "none" && !packages.some((one) => names.has(one));
  if (config.timezone !== undefined && isMissed("tzdata", "tzdata-legacy"))
    note(["timezone"], "no package of the image brings time zones; tzdata does");
  if (
    config.locale !== undefined &&
    !/^(C|POSIX|C\.utf-?8)$/i.test(config.locale) &&
    isMissed("locales-all", "locales")
  )
    note(["locale"], `no package of the image brings the language ${config.locale}; locales-all does`);
  for (const [name, { groups = [], shell }] of Object.entries(config.users ?? {})) {
    for (const group of groups)
      if (!KNOWN_GROUPS.has(group) && config.users?.[group] === undefined)
        note(
          ["users", name, "groups"],
          `whether there will be a group ${group} is only known when the packages' scripts have run: it is none ` +
            "that Debian's base makes",
        );
    const shellName = shell?.replace(/^.*\//, "");
    if (
      shellName !== undefined &&
      ["zsh", "fish", "ksh", "tcsh", "csh"].includes(shellName) &&
      ![...names].some((one) => one.startsWith(shellName))
    )
      note(["users", name, "shell"], `no package of the image is ${shellName}`);
  }
  if (
    wantsLayout ||
    (hasKernel &&
      config.ostree?.bootc !== false &&
      outputs.some(([, { format, deploy }]) => format === "ostree" || deploy === true))
  )
    for (const { key, message } of layoutNotes(target)) note(key, message);
  return notes;
}

interface NeededTool {
  readonly key: KeyPath;
  readonly program: string;
  /** that bring it, the first of which is told */
  readonly packages: readonly string[];
  /** a disk cannot be made without it */
  readonly isOfRoot: boolean;
}

/** What looks after file systems, none of which Debian's smaller bases have programs for. */
const FILE_SYSTEM_TOOLS: Readonly<Record<string, Pick<NeededTool, "program" | "packages">>> = {
  ext4: { program: "what checks and grows ext4", packages: ["e2fsprogs"] },
  xfs: { program: "what checks and grows xfs", packages: ["xfsprogs"] },
  btrfs: { program: "what checks and grows btrfs", packages: ["btrfs-progs"] },
  vfat: { program: "what checks vfat", packages: ["dosfstools"] },
};

/** Packages with the boot loaders that disks and media are started by. */
function loaderPackages({ bootloader, deploy }: OutputConfig, architecture: string): string[] {
  const stub = ["systemd-boot-efi"],
    manager = [...stub, `systemd-boot-efi-${architecture}-signed`],
    grub = [`grub-efi-${architecture}-bin`];
  if (bootloader === "unified") return stub;
  if (bootloader === "grub") return grub;
  return bootloader === "systemd-boot" || deploy === true ? manager : [...manager, ...grub];
}

/** Programs that an image needs for how its disk is divided and started. */
function* neededTools(output: OutputConfig, architecture: string): Iterable<NeededTool> {
  const { format, filesystem, partitions } = output;
  if (format !== "initramfs" && BOOTED.has(format))
    yield {
      key: [],
      program:
        output.bootloader === "unified" ? "systemd's EFI stub, of which a unified kernel is made" : "a boot loader",
      packages: loaderPackages(output, architecture),
      isOfRoot: true,
    };
  const tools = (kind: string | undefined, key: KeyPath): NeededTool[] =>
    kind === undefined || FILE_SYSTEM_TOOLS[kind] === undefined
      ? []
      : [{ key, ...FILE_SYSTEM_TOOLS[kind]!, isOfRoot: false }];
  yield* tools(filesystem, ["filesystem"]);
  // The usual disk. Of a system that OSTree deploys fstab(5) names none, and nothing is checked at boot.
  if (DISKS.has(format) && partitions === undefined && output.deploy !== true)
    for (const kind of [...(filesystem === undefined ? ["ext4"] : []), "vfat"]) yield* tools(kind, []);
  for (const [name, one] of Object.entries(partitions ?? {})) {
    const at = ["partitions", name],
      parts = partsOf(at, one);
    const holdsRoot = parts.some(({ mount }) => mount === "/");
    for (const { key, filesystem: kind, mount } of parts)
      if (mount !== undefined && one.verity !== true) yield* tools(kind, [...key, "filesystem"]);
    if (one.encrypt !== undefined)
      yield {
        key: [...at, "encrypt"],
        program: "cryptsetup",
        packages: holdsRoot ? ["cryptsetup-bin"] : ["cryptsetup", "systemd-cryptsetup"],
        isOfRoot: holdsRoot,
      };
    if (one.verity === true)
      yield { key: [...at, "verity"], program: "veritysetup", packages: ["cryptsetup-bin"], isOfRoot: holdsRoot };
    if (one.filesystem === "lvm")
      yield { key: [...at, "volumes"], program: "lvm", packages: ["lvm2"], isOfRoot: holdsRoot };
  }
}

type Part = { readonly key: KeyPath } & Pick<PartitionConfig, "filesystem" | "mount" | "read-only">;

/** A partition, and the volumes that it is divided into. */
function partsOf(key: KeyPath, { volumes = {}, ...one }: PartitionConfig): readonly Part[] {
  return [
    { key, ...one },
    ...Object.entries(volumes).map(([name, volume]) => ({ key: [...key, "volumes", name], ...volume })),
  ];
}

/** Where an output says that its root, which has /etc, is never written. */
function readOnlyRoot({ format, filesystem, partitions = {} }: OutputConfig): KeyPath | undefined {
  if (DISKS.has(format) && filesystem === "erofs") return ["filesystem"];
  const parts = Object.entries(partitions).flatMap(([name, one]) => partsOf(["partitions", name], one));
  return parts.find(
    ({ mount, filesystem: kind = "", ...part }) => mount === "/" && (part["read-only"] === true || UNWRITTEN.has(kind)),
  )?.key;
}

/** What becomes of files where each machine that OSTree deploys has its own. */
function* layoutNotes({ config }: ImageTarget): Iterable<{ key: KeyPath; message: string }> {
  const copied =
    "is copied to each machine at its first boot, and is the machine's own from then on: later images do not " +
    "change it there";
  for (const path of Object.keys(config.files ?? {})) {
    const key = ["files", path];
    if (/^\/(var|home|root|srv|mnt)\//.test(path)) yield { key, message: `with OSTree it ${copied}` };
    else if (/^\/(opt|usr\/local)\//.test(path))
      yield { key, message: "with OSTree it lies below /usr/lib, with a link at this place, made at boot" };
    else if (/^\/(boot|media|run|tmp|dev|proc|sys)\//.test(path))
      yield { key, message: "with OSTree it is left out: each machine has its own there" };
  }
  for (const [name, user] of Object.entries(config.users ?? {}))
    if (user["ssh-keys"] !== undefined)
      yield { key: ["users", name, "ssh-keys"], message: `with OSTree the home ${copied}` };
}
