/** Requests that are files: packages that no list offers, such as one's own. */
import { basename, dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { readWhole } from "@stratos/host-node/files";
import { type NodePackagePorts } from "@stratos/tools-node/packages";
import { debProblems, openDeb, type PackageIndex } from "@stratos/pkg";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";

/** As apt has it: what holds a slash and ends in `.deb` is a file. */
function isPackageFile(text: string): boolean {
  return text.includes("/") && text.endsWith(".deb");
}

/**
 * Makes the files among `requests` packages of the index.
 *
 * @returns the requests, with `NAME=VERSION` for files
 * @throws OperationError  a file that cannot be read or is for another architecture; DebError  one that is damaged
 */
export async function addFiles(
  requests: readonly string[],
  index: PackageIndex,
  architecture: string,
  ports: NodePackagePorts,
): Promise<string[]> {
  return Promise.all(
    requests.map(async (text) => {
      if (!isPackageFile(text)) {
        if (/^\.{0,2}\//.test(text))
          throw new OperationError("packages", text, "is no package file: their names end in .deb");
        return text;
      }
      let bytes: Uint8Array;
      try {
        bytes = readWhole(text);
      } catch (error) {
        throw new OperationError("packages", text, hostReason(error), { cause: error });
      }
      const archive = await openDeb(bytes, text, ports);
      const problems = await debProblems(archive, ports);
      if (problems.length > 0) throw new OperationError("packages", text, problems.slice(0, 3).join("; "));
      const { control } = archive;
      const own = control.get("Architecture")!;
      if (own !== "all" && own !== architecture)
        throw new OperationError("packages", text, `is for ${own}, and the image is ${architecture}`);
      const hasher = ports.hasher("sha256");
      hasher.update(bytes);
      const path = resolve(text);
      control.set("Filename", basename(path));
      control.set("Size", String(bytes.length));
      control.set("SHA256", hasher.hex());
      index.addNamed(
        control.toString(),
        { name: text, baseUrl: pathToFileURL(dirname(path)).href, priority: 500 },
        architecture,
      );
      return `${control.get("Package")}=${control.get("Version")}`;
    }),
  );
}
