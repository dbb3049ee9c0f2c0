/**
 * The Homebrew formula: npm's package, on Homebrew's own Node, which is 24 or later. Source: Homebrew, "Formula
 * Cookbook" and "Node for Formula Authors".
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runTool } from "./native-tool.ts";
import { isWebAddress, ReleaseError, SUMMARY, type Release } from "./release.ts";

interface Tarball {
  readonly url: string;
  /** 64 lower-case hexadecimal digits */
  readonly sha256: string;
}

/** @throws ReleaseError  an address or a hash that is none, or no home page */
export function homebrewFormula(release: Release, tarball: Tarball): string {
  if (release.homepage === undefined) throw new ReleaseError("a formula has a home page: --homepage URL");
  if (!isWebAddress(tarball.url)) throw new ReleaseError(`'${tarball.url}' is no address of a tarball: https://…`);
  if (!/^[0-9a-f]{64}$/.test(tarball.sha256)) throw new ReleaseError(`'${tarball.sha256}' is no SHA-256 hash`);
  return `class Stratos < Formula
  desc "${SUMMARY.replace(/^./, (letter) => letter.toUpperCase())}"
  homepage "${release.homepage}"
  url "${tarball.url}"
  version "${release.version}"
  sha256 "${tarball.sha256}"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "node"

  def install
    system "npm", "install", *std_npm_args
    bin.install_symlink libexec.glob("bin/*")
    man1.install_symlink libexec.glob("lib/node_modules/stratos/man/*.1")
    generate_completions_from_executable(bin/"stratos", "completion")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/stratos --version")
    assert_equal "hi\\n", shell_output("#{bin}/stratos run -i astra -- echo hi")
  end
end
`;
}

/**
 * Writes npm's package of `dist/` and the formula that fetches it.
 *
 * @param sha256  of the package at the address, when it isn't the one that is made here
 */
export function writeFormula(
  release: Release,
  dist: string,
  options: { output: string; url: string; sha256: string | undefined },
): string[] {
  const paths: string[] = [];
  let { sha256 } = options;
  if (sha256 === undefined) {
    runTool("npm", ["pack", "--pack-destination", options.output], { cwd: dist });
    const path = join(options.output, `stratos-${release.version}.tgz`);
    sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
    paths.push(path);
  }
  const formula = join(options.output, "stratos.rb");
  writeFileSync(formula, homebrewFormula(release, { url: options.url, sha256 }));
  return [...paths, formula];
}
