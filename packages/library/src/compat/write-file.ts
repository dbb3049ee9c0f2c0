import type { FileAccess } from "@stratos/sdk/public";

/** Folders on the way are made. @param path  absolute */
export async function writeFile(
  fs: FileAccess,
  path: string,
  content: string | Uint8Array,
  options: { readonly mode?: number } = {},
): Promise<void> {
  await fs.mkdir(path.slice(0, path.lastIndexOf("/")) || "/", { parents: true });
  await fs.write(path, content, options);
}
