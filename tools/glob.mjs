import { readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * Files below `folders` of `root` whose names end with `suffix`, sorted, relative to `root`. (Node 20 has no
 * fs.globSync.)
 */
export function globSync(root, folders, suffix) {
  const found = [];
  const visit = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (entry.name !== "node_modules") visit(path);
      } else if (entry.name.endsWith(suffix)) found.push(path);
    }
  };
  for (const folder of folders) visit(folder);
  return found.sort();
}
