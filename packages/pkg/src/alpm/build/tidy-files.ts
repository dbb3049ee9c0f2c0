/**
 * What makepkg takes out of packages or packs smaller, by their options. Source: PKGBUILD(5), options; makepkg.conf(5),
 * OPTIONS.
 */
import { TarType } from "@stratos/formats";
import type { NewFile } from "../package-archive.ts";
import type { AlpmPorts } from "../system.ts";

/** makepkg.conf's own defaults, where a recipe says nothing. */
const DEFAULTS: Readonly<Record<string, boolean>> = {
  libtool: false,
  staticlibs: false,
  docs: true,
  emptydirs: true,
  zipman: true,
  purge: true,
};
const DOCUMENT_FOLDERS = /^(usr\/(local\/)?)?(share\/)?(doc|gtk-doc)\//;
const MANUAL = /^(usr\/(local\/)?)?share\/(man|info)\/.*[^/]$/;
const PURGED = /^usr\/(local\/)?(share\/)?info\/dir$|(^|\/)(\.packlist|.*\.pod)$/;

export async function tidyFiles(
  files: readonly NewFile[],
  options: ReadonlyMap<string, boolean>,
  ports: Pick<AlpmPorts, "compress">,
): Promise<NewFile[]> {
  const has = (option: string): boolean => options.get(option) ?? DEFAULTS[option]!;
  const paths = new Set(files.map((file) => file.path));
  let kept = files.filter(({ path, entry }) => {
    if (entry.type === TarType.directory) return true;
    if (!has("libtool") && path.endsWith(".la")) return false;
    // A static library goes when there is a shared one beside it.
    if (!has("staticlibs") && path.endsWith(".a") && paths.has(path.replace(/\.a$/, ".so"))) return false;
    if (!has("docs") && DOCUMENT_FOLDERS.test(path)) return false;
    return !(has("purge") && PURGED.test(path));
  });
  if (!has("emptydirs")) kept = withoutEmptyFolders(kept);
  return has("zipman") ? Promise.all(kept.map((file) => zipManual(file, ports))) : kept;
}

function withoutEmptyFolders(files: readonly NewFile[]): NewFile[] {
  const used = new Set<string>();
  for (const { path, entry } of files) {
    if (entry.type === TarType.directory) continue;
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1))
      used.add(path.slice(0, slash));
  }
  return files.filter(({ path, entry }) => entry.type !== TarType.directory || used.has(path));
}

async function zipManual(file: NewFile, ports: Pick<AlpmPorts, "compress">): Promise<NewFile> {
  const { path, entry } = file;
  if (!MANUAL.test(path) || /\.(gz|bz2|xz|zst)$/.test(path)) return file;
  const renamed = { path: `${path}.gz`, content: file.content };
  if (entry.type === TarType.symbolicLink)
    return { ...renamed, entry: { ...entry, path: renamed.path, linkPath: `${entry.linkPath}.gz` } };
  if (entry.type !== TarType.file) return file;
  const content = await ports.compress("gzip", file.content);
  return { path: renamed.path, entry: { ...entry, path: renamed.path, size: content.length }, content };
}
