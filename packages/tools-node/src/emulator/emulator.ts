/** A whole machine under QEMU, from images that were made: its command line, and what keeps it from starting here. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { findProgram } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";

export type EmulatedArchitecture = "amd64" | "arm64" | "riscv64";

/** `stick`: the image is a disk to the machine, though it would be an optical medium. */
interface EmulatedMedium {
  readonly path: string;
  /** QEMU's name */
  readonly format: "raw" | "qcow2" | "vmdk" | "vpc" | "vhdx";
  readonly kind: "disk" | "optical" | "stick";
  /** what the machine writes stays in the image */
  readonly keep?: boolean;
}

export interface EmulatorOptions {
  readonly architecture: EmulatedArchitecture;
  readonly firmware: "bios" | "uefi" | "u-boot";
  /** MiB */
  readonly memory: number;
  readonly processors: number;
  readonly media: readonly EmulatedMedium[];
  /** `restricted`: addresses by DHCP, and nothing behind them; the host is 10.0.2.2 with `user` */
  readonly network: "none" | "restricted" | "user";
  readonly forwards?: readonly { readonly host: number; readonly guest: number }[];
  /** hardware help, where the processor has it */
  readonly isAccelerated?: boolean;
  /** systemd.system-credentials(7), by name */
  readonly credentials?: Readonly<Record<string, Uint8Array>>;
}

/**
 * Without `cmpxchg16b`: QEMU 7.2 works out its flags from a state that it has not brought up to date, and an interrupt
 * that comes just behind one saves, and then loads, flags with bits that no processor has (EFLAGS c1936ac2). Debian's
 * 6.12 dies of that at one boot in five, as "double fault" or a jump to 0, with one processor or two, and without any
 * file of ours (`-kernel` alone). A kernel that does not find the instruction uses another.
 */
const PROCESSOR = "qemu64,-cx16";

interface Board {
  readonly program: string;
  readonly package: string;
  readonly firmware: readonly string[];
  readonly firmwarePackage: string;
}

const BOARDS: Readonly<Record<EmulatedArchitecture, Board>> = {
  amd64: {
    program: "qemu-system-x86_64",
    package: "qemu-system-x86",
    firmware: ["/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/qemu/OVMF.fd"],
    firmwarePackage: "ovmf",
  },
  arm64: {
    program: "qemu-system-aarch64",
    package: "qemu-system-arm",
    firmware: ["/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"],
    firmwarePackage: "qemu-efi-aarch64",
  },
  riscv64: {
    program: "qemu-system-riscv64",
    package: "qemu-system-misc",
    firmware: ["/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"],
    firmwarePackage: "u-boot-qemu",
  },
};

export function emulatorProgram(architecture: EmulatedArchitecture): string {
  return BOARDS[architecture].program;
}

/** The firmware that starts disks. */
export function usualFirmware(architecture: EmulatedArchitecture): "uefi" | "u-boot" {
  return architecture === "riscv64" ? "u-boot" : "uefi";
}

/** What keeps a machine from starting here; null when nothing does. */
export function emulatorObstacle({
  architecture,
  firmware,
}: Pick<EmulatorOptions, "architecture" | "firmware">): string | null {
  const board = BOARDS[architecture];
  if (findProgram(board.program, process.env["PATH"] ?? "") === undefined)
    return `needs ${board.program}: apt-get install --no-install-recommends ${board.package} ${board.firmwarePackage}`;
  return firmware === "bios" || firmwareOf(architecture) !== undefined
    ? null
    : `needs ${firmware === "uefi" ? "UEFI's firmware" : "U-Boot"}: apt-get install --no-install-recommends ` +
        `${board.firmwarePackage}`;
}

function firmwareOf(architecture: EmulatedArchitecture): string | undefined {
  return BOARDS[architecture].firmware.find((path) => existsSync(path));
}

/**
 * Whether the kernel helps, and the processor can: a device alone says nothing where the host is a machine within
 * another.
 */
export function canAccelerate(architecture: EmulatedArchitecture): boolean {
  if ({ x64: "amd64", arm64: "arm64", riscv64: "riscv64" }[process.arch as string] !== architecture) return false;
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return architecture !== "amd64" || /^flags\s*:.*\b(vmx|svm)\b/m.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}

/** How QEMU is to read an image, by its name. @throws OperationError of kind image */
export function mediumOf(path: string): EmulatedMedium {
  const suffix = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? "";
  const format = {
    raw: "raw",
    img: "raw",
    qcow2: "qcow2",
    vmdk: "vmdk",
    vhd: "vpc",
    vpc: "vpc",
    vhdx: "vhdx",
    iso: "raw",
  }[suffix] as EmulatedMedium["format"] | undefined;
  if (format === undefined)
    throw new OperationError(
      "image",
      path,
      "is no disk or medium that a machine starts from: .raw, .img, .qcow2, .vmdk, .vhd, .vhdx and .iso are",
    );
  return { path, format, kind: suffix === "iso" ? "optical" : "disk" };
}

/** A path within an option of QEMU, where a comma ends the value. */
function quoted(path: string): string {
  return path.replaceAll(",", ",,");
}

export function emulatorArguments({
  architecture,
  firmware,
  memory,
  processors,
  media,
  network,
  forwards = [],
  isAccelerated = false,
  credentials = {},
}: EmulatorOptions): string[] {
  const drives = media.flatMap(({ path, format, kind, keep }, index) => {
    const file = `format=${format},file=${quoted(path)}`,
      discarding = keep === true ? "" : ",snapshot=on";
    // The cloud kernel knows no USB; to firmware and loaders one disk is as another.
    if (kind === "stick") return ["-drive", `if=virtio,readonly=on,${file}`];
    if (kind === "optical")
      return [
        "-device",
        `virtio-scsi,id=bus${index}`,
        "-device",
        `scsi-cd,bus=bus${index}.0,drive=medium${index}`,
        "-drive",
        `if=none,id=medium${index},media=cdrom,readonly=on,${file}`,
      ];
    return architecture === "riscv64"
      ? ["-drive", `if=none,id=disk${index},${file}${discarding}`, "-device", `virtio-blk-device,drive=disk${index}`]
      : ["-drive", `if=virtio,${file}${discarding}`];
  });
  const accelerator = isAccelerated ? "kvm" : "tcg",
    path = firmwareOf(architecture) ?? "";
  const board = {
    amd64: [
      "-machine",
      `q35,accel=${accelerator}`,
      "-cpu",
      isAccelerated ? "host" : PROCESSOR,
      ...(firmware === "uefi" ? ["-drive", `if=pflash,format=raw,readonly=on,file=${path}`] : []),
    ],
    arm64: ["-machine", `virt,accel=${accelerator}`, "-cpu", isAccelerated ? "host" : "max", "-bios", path],
    riscv64: ["-machine", `virt,accel=${accelerator}`, "-kernel", path],
  }[architecture];
  // `-nic model=virtio-net-pci` makes none on riscv64's board.
  const card = architecture === "riscv64" ? "virtio-net-device" : "virtio-net-pci";
  const forwarding = forwards.map(({ host, guest }) => `,hostfwd=tcp:127.0.0.1:${host}-:${guest}`).join("");
  const cards =
    network === "none"
      ? ["-nic", "none"]
      : [
          "-netdev",
          `user,id=net${network === "restricted" ? ",restrict=on" : ""}${forwarding}`,
          "-device",
          `${card},netdev=net`,
        ];
  // U-Boot hands no tables of SMBIOS on.
  const given = Object.entries(credentials).flatMap(([name, value]) =>
    architecture === "riscv64"
      ? ["-fw_cfg", `name=opt/io.systemd.credentials/${name},string=${quoted(Buffer.from(value).toString())}`]
      : ["-smbios", `type=11,value=io.systemd.credential.binary:${name}=${Buffer.from(value).toString("base64")}`],
  );
  return [...board, "-m", String(memory), "-smp", String(processors), ...drives, ...cards, ...given];
}
