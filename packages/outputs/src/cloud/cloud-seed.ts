/**
 * A medium that tells cloud-init of a machine what it is to be: an ISO image labelled CIDATA. Source: cloud-init's
 * manual, "NoCloud".
 */
import {
  fileEntry,
  MemoryBlob,
  sha256Of,
  fileTreeOf,
  writeIso,
  type Codecs,
  type Disk,
  type FileEntry,
} from "@stratos/formats";
import { utf8Of } from "@stratos/base";

export interface CloudSeed {
  /** cloud-init runs its first-boot parts anew when this changes */
  readonly instanceId: string;
  readonly hostname: string;
  /** `#cloud-config` or a script; undefined: made from the rest */
  readonly userData?: string;
  readonly user?: string;
  /** the user may do all, by sudo(8), which the image then has; default: true */
  readonly hasSudo?: boolean;
  readonly sshKeys?: readonly string[];
  /** network configuration, version 2; undefined: DHCP, as the image has it */
  readonly networkConfig?: string;
  /** seconds since 1970 */
  readonly time: number;
}

/** Writes the medium into an empty file. */
export function writeCloudSeed(disk: Disk, seed: CloudSeed, codecs: Pick<Codecs, "sha256">): void {
  const file = (path: string, text: string): FileEntry =>
    fileEntry(path, "file", {
      mtime: seed.time,
      content: new MemoryBlob(utf8Of(text), (bytes) => sha256Of(codecs, bytes)),
    });
  const files = [
    file("meta-data", `instance-id: ${quoted(seed.instanceId)}\nlocal-hostname: ${quoted(seed.hostname)}\n`),
    file("user-data", seed.userData ?? userData(seed)),
    ...(seed.networkConfig === undefined ? [] : [file("network-config", seed.networkConfig)]),
  ];
  writeIso(disk, fileTreeOf([fileEntry("", "directory", { mtime: seed.time }), ...files]), {
    volumeId: "CIDATA",
    time: seed.time,
  });
}

function userData(seed: CloudSeed): string {
  const keys = (seed.sshKeys ?? []).map((key) => `      - ${quoted(key)}\n`).join("");
  const login = `${keys === "" ? "" : `    ssh_authorized_keys:\n${keys}`}`;
  // Names of its own that a machine cannot look up make sudo wait and complain.
  return (
    `#cloud-config\nhostname: ${quoted(seed.hostname)}\nmanage_etc_hosts: localhost\nusers:\n  - name: ` +
    `${quoted(seed.user ?? "debian")}\n    shell: /bin/bash\n` +
    `${seed.hasSudo === false ? "" : `    sudo: "ALL=(ALL) NOPASSWD:ALL"\n`}    lock_passwd: true\n${login}`
  );
}

/** A double-quoted YAML text, whose escapes are those of JSON. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
