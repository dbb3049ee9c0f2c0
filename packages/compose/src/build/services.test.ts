/** Units of a root that does not run. Goal: the links are those that systemctl makes. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { disableUnit, enableUnit, maskUnit, ServiceError, type UnitFiles } from "./services.ts";

function root(units: Record<string, string>): UnitFiles & { made: Map<string, string> } {
  const made = new Map<string, string>();
  return {
    made,
    find: (unit) =>
      units[unit] === undefined ? undefined : { path: `usr/lib/systemd/system/${unit}`, text: units[unit] },
    link: (path, target) => {
      made.set(path, target);
    },
    remove: (path) => {
      made.delete(path);
    },
    *links() {
      for (const [path, target] of made) yield { path, target };
    },
  };
}

test("enabling makes the links of [Install], of units that come along and of instances", () => {
  const files = root({
    "web.service":
      "[Unit]\nWantedBy=wrong.target\n[Install]\nWantedBy=multi-user.target \\\n  graphical.target\n" +
      "Alias=www.service\nAlso=web.socket\n",
    "web.socket": "[Install]\nWantedBy=sockets.target\n",
    "getty@.service": "[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n",
    "none.service": "[Install]\nWantedBy=x.target\nWantedBy=\n",
  });
  for (const unit of ["web", "getty@", "getty@tty2.service", "none"]) enableUnit(files, unit);
  assert.deepEqual(
    Object.fromEntries(
      [...files.made].map(([path, target]) => [
        path.replace("etc/systemd/system/", ""),
        target.replace("/usr/lib/systemd/system/", ""),
      ]),
    ),
    {
      "multi-user.target.wants/web.service": "web.service",
      "graphical.target.wants/web.service": "web.service",
      "www.service": "web.service",
      "sockets.target.wants/web.socket": "web.socket",
      "getty.target.wants/getty@tty1.service": "getty@.service",
      "getty.target.wants/getty@tty2.service": "getty@.service",
    },
  );
  disableUnit(files, "web");
  assert.deepEqual(
    [...files.made.keys()].filter((path) => path.includes("/web.service") || path.includes("www")),
    [],
  );
  maskUnit(files, "getty@tty1.service");
  assert.equal(files.made.get("etc/systemd/system/getty@tty1.service"), "/dev/null");
  assert.throws(() => enableUnit(files, "gone"), new ServiceError("there is no unit gone.service"));
});
