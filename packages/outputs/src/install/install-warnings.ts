/**
 * What an installation would do as it was told, and its user hardly means: names of what the root does not have, and a
 * machine that lets nobody in.
 */
import { TreePaths } from "../tree/tree-paths.ts";
import type { FileTree } from "@stratos/formats";
import type { InstallConfig } from "./install-schema.ts";

/** Locales that the C library has built in. */
const BUILT_IN = /^(C|POSIX|C\.utf-?8)$/i;
/** Kept where the system changes it while it runs; /etc can lie nowhere else. */
const CHANGING = ["/var", "/home"] as const;

/** @param tree  the root as it is to be installed. @returns sentences, without what begins and ends them */
export function installWarnings(tree: FileTree, config: InstallConfig): string[] {
  const paths = new TreePaths(tree),
    found: string[] = [];
  const { locale } = config.system ?? {},
    users = config.user ?? [],
    root = config.root ?? {};
  if (locale !== undefined && !BUILT_IN.test(locale) && !hasLocale(paths, locale))
    found.push(`the locale ${locale} is not in the root; install locales-all, or locales and run locale-gen`);
  for (const { name, shell } of users)
    if (shell !== undefined && paths.resolve(shell)?.kind !== "file")
      found.push(`user ${name}: the root has no ${shell}, and the user cannot log in`);
  const keys = [...(root.ssh_keys ?? []), ...users.flatMap((user) => user.ssh_keys ?? [])];
  if (keys.length > 0 && paths.firstFile(["usr/sbin/sshd", "usr/sbin/dropbear"]) === undefined)
    found.push("SSH keys are given, and the root has no SSH server; install openssh-server");
  if (
    (config.network?.length ?? 0) > 0 &&
    paths.firstFile(["usr/lib/systemd/system/systemd-networkd.service"]) === undefined
  )
    found.push("networks are given, and the root has no systemd-networkd, which reads them");
  if (keys.length === 0 && !hasPassword(paths))
    found.push("nobody can log in: no account has a password or an SSH key");
  const readOnly = config.partition?.find(({ format, mount }) => format === "erofs" && mount === "/");
  const missing = CHANGING.filter(
    (place) =>
      !config.partition!.some(
        ({ mount, subvolumes }) => mount === place || subvolumes?.some((volume) => volume.mount === place) === true,
      ),
  );
  if (readOnly !== undefined && missing.length > 0)
    found.push(
      `partition ${readOnly.name}: erofs is never changed, and ${missing.join(", ")} ` +
        `${missing.length === 1 ? "is" : "are"} on it; partitions of their own keep what changes`,
    );
  return found;
}

/** Generated one by one, or together in an archive, which is believed to hold it. */
function hasLocale(paths: TreePaths, locale: string): boolean {
  if (paths.firstFile(["usr/lib/locale/locale-archive"]) !== undefined) return true;
  const [name, charset = ""] = locale.split(".", 2),
    folder = (text: string): boolean => paths.resolve(`usr/lib/locale/${text}`)?.kind === "directory";
  return folder(locale) || folder(charset === "" ? name! : `${name!}.${charset.toLowerCase().replaceAll("-", "")}`);
}

function hasPassword(paths: TreePaths): boolean {
  return (paths.text("etc/shadow") ?? "").split("\n").some((line) => /^[^:]+:(\$|[./0-9A-Za-z]{13}:|:)/.test(line));
}
