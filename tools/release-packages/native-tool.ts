/** Programs of the formats' own: found, or named with the Debian package that has them. */
import { spawnSync } from "node:child_process";
import { ReleaseError } from "./release.ts";

/** Program → Debian package. */
const PACKAGE_OF = {
  "dpkg-deb": "dpkg",
  lintian: "lintian",
  rpm: "rpm",
  rpmbuild: "rpm",
  ruby: "ruby",
  wixl: "wixl",
  msibuild: "msitools",
  msiinfo: "msitools",
  msiextract: "msitools",
  npm: "npm",
} as const;
export type NativeTool = keyof typeof PACKAGE_OF;

interface ToolOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Output of a program may be as long as a list of all files. */
const OUTPUT_MAX_BYTES = 1 << 28;

/** Why the program cannot be run here, or null. */
export function missingTool(tool: NativeTool): string | null {
  const { status } = spawnSync("sh", ["-c", `command -v ${tool}`], { stdio: "ignore" });
  return status === 0 ? null : `${tool} is not installed: apt-get install ${PACKAGE_OF[tool]}`;
}

/**
 * @returns what it writes to standard output
 * @throws ReleaseError  it is not installed, or fails
 */
export function runTool(tool: NativeTool, args: readonly string[], options: ToolOptions = {}): string {
  const missing = missingTool(tool);
  if (missing !== null) throw new ReleaseError(missing);
  const { status, stdout, stderr, error } = spawnSync(tool, args, {
    encoding: "utf8",
    maxBuffer: OUTPUT_MAX_BYTES,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, LC_ALL: "C.UTF-8", ...options.env },
  });
  if (status !== 0)
    throw new ReleaseError(
      `${tool} ${args[0] ?? ""}: ${(stderr ?? "").trim() || error?.message || `status ${status}`}`,
    );
  return stdout;
}
