/** Makes a folder like those that people keep: sources, a history, links, attributes; the same from a seed. */
import { chmodSync, linkSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "@stratos/base";

/** A C program of `units` files, a header that all share, and its Makefile. */
export function writeProject(folder: string, units: number): void {
  mkdirSync(join(folder, "src"), { recursive: true });
  const names = Array.from({ length: units }, (_, index) => `unit${index}`);
  writeFileSync(
    join(folder, "src/all.h"),
    `${names.map((name) => `long ${name}(long);`).join("\n")}\n#define FACTOR 3\n`,
  );
  names.forEach((name, index) =>
    writeFileSync(
      join(folder, `src/${name}.c`),
      `#include <stdio.h>\n#include <string.h>\n#include "all.h"\nlong ${name}(long x) { char text[64]; ` +
        `snprintf(text, sizeof text, "%ld", x + ${index}); return x * FACTOR + (long)strlen(text); }\n`,
    ),
  );
  writeFileSync(
    join(folder, "src/main.c"),
    '#include <stdio.h>\n#include "all.h"\nint main(void) { long x = 1; ' +
      `${names.map((name) => `x = ${name}(x) % 1000003;`).join(" ")} printf("%ld\\n", x); return 0; }\n`,
  );
  writeFileSync(
    join(folder, "Makefile"),
    `OBJECTS = ${[...names, "main"].map((name) => `build/${name}.o`).join(" ")}\nprogram: $(OBJECTS)\n\tgcc -o ` +
      "$@ $^\nbuild/%.o: src/%.c src/all.h\n\t@mkdir -p build\n\tgcc -O0 -c -o $@ $<\n",
  );
}

/** `count` files in folders, with modes, times, hard and symbolic links, holes. */
export function writeTree(folder: string, count: number, seed: number): void {
  const random = new SeededRandom(seed);
  const folders = [folder];
  const files: string[] = [];
  mkdirSync(folder, { recursive: true });
  for (let index = 0; index < count; index++) {
    const parent = folders[random.below(folders.length)]!;
    const path = join(parent, `${["file", "Größe", "with space", "-dash", "line\nbreak"][random.below(5)]!}${index}`);
    const kind = random.below(20);
    if (kind === 0) {
      mkdirSync(path);
      folders.push(path);
    } else if (kind === 1) symlinkSync(random.below(2) === 0 ? "nowhere" : (files.at(-1) ?? "."), path);
    else if (kind === 2 && files.length > 0) linkSync(files[random.below(files.length)]!, path);
    else {
      const content = Buffer.alloc(random.below(random.below(8) === 0 ? 200_000 : 4000));
      random.fill(content);
      writeFileSync(path, content);
      if (kind === 3) truncateSync(path, 3_000_000);
      chmodSync(path, [0o644, 0o600, 0o755, 0o4711, 0o000][random.below(5)]!);
      utimesSync(path, random.below(2_000_000_000), random.below(2_000_000_000) + 0.123456);
      files.push(path);
    }
  }
}
