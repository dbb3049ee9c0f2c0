/** `stratos lisp package`: libraries of AstraLisp as packages. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { replaceFile } from "@stratos/host-node/files";
import { Command } from "commander";
import { OperationError } from "@stratos/operation";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { runTests } from "../lisp/run-tests.ts";
import { withPackagePorts } from "../operation-progress.ts";
import { sourceDateEpoch } from "../option-values.ts";
import { type Finish, jsonOption } from "./row-options.ts";

const packages = (): Promise<typeof import("@stratos/tools-node/lisp-packages")> =>
  import("@stratos/tools-node/lisp-packages");

const FOLDER = "folder with package.scm";

interface InstallOptions {
  readonly repository?: string;
  readonly suite: string;
  readonly component: string;
  readonly keyring?: string;
}

export function lispPackageCommand(finish: Finish): Command {
  return new Command("package")
    .helpCommand(false)
    .summary("libraries as packages: build, test, install")
    .description(
      "Makes Debian packages of libraries in Scheme, and installs them for the user of this host, whose programs " +
        "then import them. package.scm in a folder says what its package is; docs/lisp/packages.md tells how, and " +
        "how they are published and installed inside Stratos.",
    )
    .usage("COMMAND")
    .addCommand(
      new Command("build")
        .summary("make a package of a folder")
        .description(
          "Imports the libraries that package.scm names, which runs what they do at once, and packs these and all " +
            "that they import and include of the folder. The same folder gives the same bytes.",
        )
        .argument("[folder]", FOLDER, ".")
        .option("-o, --output <path>", "file or folder to write to (default: beside the folder)")
        .action(async (folder: string, { output }: { output?: string }) => finish(await build(folder, output))),
    )
    .addCommand(
      new Command("test")
        .summary("run the tests of a folder's package")
        .description("Runs the tests that package.scm names, as `stratos lisp test` does, with the folder's libraries.")
        .argument("[folder]", FOLDER, ".")
        .addOption(jsonOption())
        .action(async (folder: string, options: { json?: true }) => {
          const file = join(folder, "package.scm");
          const { tests } = (await packages()).readDescription(file);
          if (tests.length === 0) throw new OperationError("program", file, "names no tests");
          const paths = tests.map((test) => join(folder, test));
          finish(await runTests(paths, { ...options, libraryPath: [folder] }));
        }),
    )
    .addCommand(
      new Command("install")
        .summary("install packages for this user")
        .description(
          "Installs packages below $STRATOS_HOME, where programs of AstraLisp find their libraries. Without " +
            "--repository: files of `build`, or folders with package.scm. With it: names, and what they need.",
        )
        .argument("<package...>", "files, folders, or names of a repository")
        .option("--repository <place>", "a folder (`stratos pkg repo`), or the URL of a channel of a hub")
        .option("--suite <name>", "the suite; of a hub the channel", "stable")
        .option("--component <name>", "the component", "main")
        .option("--keyring <file>", "the key that signs the repository (default: of a folder, its archive-key.gpg)")
        .action(async (what: string[], options: InstallOptions) => finish(await install(what, options))),
    )
    .addCommand(
      new Command("remove")
        .alias("rm")
        .summary("remove packages")
        .description("Removes packages of this user that no other one needs.")
        .argument("<package...>", "names")
        .action(async (names: string[]) => {
          const { PackageSite } = await packages();
          new PackageSite().remove(names);
          finish(EXIT_SUCCESS);
        }),
    )
    .addCommand(
      new Command("list")
        .alias("ls")
        .summary("list packages")
        .description("Lists the packages of this user.")
        .addOption(jsonOption())
        .action(async ({ json }: { json?: true }) => {
          const all = new (await packages()).PackageSite().list();
          process.stdout.write(
            json === true
              ? `${JSON.stringify(all, null, 2)}\n`
              : all.map(({ name, version, description }) => `${name} ${version}  ${description}\n`).join(""),
          );
          finish(EXIT_SUCCESS);
        }),
    );
}

async function build(folder: string, output: string | undefined): Promise<number> {
  const { buildLispPackage } = await packages();
  return await withPackagePorts(folder, async (ports) => {
    const { bytes, fileName } = await buildLispPackage(folder, { ports, epoch: sourceDateEpoch() });
    const place = output ?? dirname(resolve(folder));
    const path = isFolder(place) ? join(place, fileName) : place;
    replaceFile(path, bytes);
    process.stdout.write(`${path}\n`);
    return EXIT_SUCCESS;
  });
}

async function install(what: readonly string[], { repository, ...options }: InstallOptions): Promise<number> {
  const { buildLispPackage, PackageSite, packageOfRepository } = await packages();
  return await withPackagePorts(what[0]!, async (ports) => {
    const found: (readonly [string, Uint8Array])[] = [];
    if (repository !== undefined)
      found.push(...(await packageOfRepository(what, { keyring: undefined, ...options, repository }, ports)));
    else
      for (const path of what) {
        if (!existsSync(path))
          throw new OperationError("packages", path, "no such file or folder; --repository says where names are from");
        const bytes = isFolder(path) ? (await buildLispPackage(path, { ports })).bytes : readFileSync(path);
        found.push([path, bytes]);
      }
    for (const { name, version } of await new PackageSite().install(found, ports))
      process.stdout.write(`${name} ${version}\n`);
    return EXIT_SUCCESS;
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
