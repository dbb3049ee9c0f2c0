/**
 * The script that runs a recipe's functions in the clean root, as makepkg runs them: each in `$srcdir`, stopping at the
 * first error, `package` functions with a `$pkgdir` of their own. Afterwards it writes down what the attributes have
 * become.
 */
import { PACKAGE_ATTRIBUTES } from "./recipe.ts";

export const BUILD_FOLDER = "build";

/** What a recipe may say for one architecture alone. */
const RELATIONS = ["depends", "optdepends", "provides", "conflicts", "replaces"] as const;

interface ScriptSettings {
  architecture: string;
  packages: readonly string[];
  /** names in `src` that are archives to unpack */
  unpack: readonly string[];
  check: boolean;
  sourceDate: number;
  jobs: number;
}

/** Exit status when a function failed, to tell it from bash's own. */
const FUNCTION_FAILED = 4;

export function buildScript(settings: ScriptSettings): string {
  const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  return `# Made by Stratos for one build; nothing here is kept.
exec 2>&1 # one stream, so that the order is kept
set -o errexit -o errtrace -o pipefail
export startdir=/${BUILD_FOLDER}/recipe srcdir=/${BUILD_FOLDER}/src \
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export CARCH=${quote(settings.architecture)} CHOST=${quote(`${settings.architecture}-pc-linux-gnu`)} \
SOURCE_DATE_EPOCH=${settings.sourceDate} LC_ALL=C.UTF-8 HOME=/${BUILD_FOLDER}/home
export CFLAGS="-O2 -pipe" CXXFLAGS="-O2 -pipe" LDFLAGS="-Wl,-O1" MAKEFLAGS="-j${settings.jobs}"
umask 0022
shopt -s extglob
stage() { printf '==> %s\\n' "$1"; }
fail() { printf 'stratos-build: %s failed\\n' "$1" >&2; exit ${FUNCTION_FAILED}; }
cd "$srcdir"
for archive in ${settings.unpack.map(quote).join(" ")}; do
  stage "unpacking $archive"
  if command -v bsdtar >/dev/null; then bsdtar -xf "$archive"; else tar -xf "$archive"; fi
done
cd "$startdir"
source ./PKGBUILD
run() { declare -f "$1" >/dev/null || return 0; stage "$1"; cd "$srcdir"; ( "$1" ) || fail "$1"; }
run prepare
if declare -f pkgver >/dev/null; then
  stage pkgver
  cd "$srcdir"
  newpkgver=$(pkgver) || fail pkgver
  pkgver=$newpkgver
  printf '%s' "$newpkgver" > /${BUILD_FOLDER}/pkgver
  sed -i "s|^pkgver=.*|pkgver=$newpkgver|" "$startdir/PKGBUILD"
  cd "$startdir"; unset -f pkgver; source ./PKGBUILD
fi
run build
${settings.check ? "run check" : ":"}
for name in ${settings.packages.map(quote).join(" ")}; do
  ( export pkgdir="/${BUILD_FOLDER}/pkg/$name"
    mkdir -p "$pkgdir"
    cd "$srcdir"
    function=package
    declare -f "package_$name" >/dev/null && function="package_$name"
    if declare -f "$function" >/dev/null; then stage "$function"; "$function"; fi
    if [[ " \${options[*]} " != *" !strip "* ]] && command -v strip >/dev/null; then
      find "$pkgdir" -type f -perm -u+w \\( -perm -u+x -o -name '*.so*' -o -name '*.a' \\) -print0 | while IFS= read \
-rd '' file; do
        [[ $(head -c4 "$file" | tr -d '\\0') == $'\\x7fELF' ]] && strip --strip-unneeded "$file" || :
      done
    fi
${printAttributes([...PACKAGE_ATTRIBUTES, ...RELATIONS.map((key) => `${key}_$CARCH`)])} > \
"/${BUILD_FOLDER}/attributes-$name"
  ) || fail "package $name"
done
`;
}

/**
 * A script that evaluates a PKGBUILD's assignments, for those that only a shell can tell; its functions are not called.
 */
export function readingScript(architecture: string, attributes: readonly string[]): string {
  return `exec 2>&1
set -o errexit
export CARCH='${architecture}' LC_ALL=C.UTF-8 startdir=/${BUILD_FOLDER}/recipe srcdir=/${BUILD_FOLDER}/src \
PATH=/usr/local/bin:/usr/bin:/bin
shopt -s extglob
cd "$startdir"
source ./PKGBUILD
${printAttributes(attributes)} > /${BUILD_FOLDER}/attributes-
`;
}

function printAttributes(names: readonly string[]): string {
  return `    for attribute in ${names.join(" ")}; do
      declare -n values=$attribute
      printf '%s\\0%s\\0' "$attribute" "\${#values[@]}"
      [ "\${#values[@]}" -eq 0 ] || printf '%s\\0' "\${values[@]}"
      unset -n values
    done`;
}

/** What a script wrote down. */
export function parseAttributes(text: string): Map<string, string[]> {
  const words = text.split("\0");
  const found = new Map<string, string[]>();
  for (let at = 0; at + 1 < words.length;) {
    const count = Number(words[at + 1]);
    if (!Number.isInteger(count) || count < 0 || at + 2 + count > words.length) break;
    found.set(words[at]!, words.slice(at + 2, at + 2 + count));
    at += 2 + count;
  }
  return found;
}
