/** Goal: files of /usr/share/applications say what the launcher shows and starts, however they are written. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { iconPlaces, parseDesktopEntry } from "./desktop-entry.ts";

const ENTRY = `# a comment
[Desktop Entry]
Type=Application
Name=Text Editor
Name[de]=Texteditor
Comment[de]=Schreibt\\nText
Exec=gedit --title "a \\"b\\" c" %U --name=%c 100%%
Icon=org.gnome.gedit
Categories=GNOME;Utility;
StartupWMClass=Gedit

[Desktop Action new]
Name=New
Exec=gedit --new
`;

test("the name is that of the language, and field codes are filled in or gone", () => {
  const entry = parseDesktopEntry("gedit", ENTRY, "de")!;
  assert.equal(entry.name, "Texteditor");
  assert.equal(entry.comment, "Schreibt\nText");
  assert.deepEqual(entry.argv, ["gedit", "--title", 'a "b" c', "--name=Texteditor", "100%"]);
  assert.deepEqual([entry.icon, entry.windowClass, entry.isOfTerminal], ["org.gnome.gedit", "Gedit", false]);
  assert.equal(parseDesktopEntry("gedit", ENTRY, "ja")!.name, "Text Editor");
});

test("what no launcher shows, or cannot be started, is none", () => {
  const withLine = (line: string): unknown => parseDesktopEntry("x", ENTRY.replace("Type=Application", line), "en");
  assert.equal(withLine("Type=Application\nNoDisplay=true"), null);
  assert.equal(withLine("Type=Application\nHidden=true"), null);
  assert.equal(withLine("Type=Link"), null);
  assert.equal(parseDesktopEntry("x", ENTRY.replace(/Exec=.*/, 'Exec=unfinished "quote'), "en"), null);
  assert.equal(parseDesktopEntry("x", ENTRY.replace(/Exec=.*/, ""), "en"), null);
  assert.equal(parseDesktopEntry("x", "", "en"), null);
});

test("icons are looked for by name in the themes, and never outside of them", () => {
  assert.equal(iconPlaces("foot")[0], "/usr/share/icons/hicolor/scalable/apps/foot.svg");
  assert.deepEqual(iconPlaces("/opt/x/icon.png"), ["/opt/x/icon.png"]);
  for (const wrong of ["../../etc/passwd", "/etc/passwd", "a/b", ""]) assert.deepEqual(iconPlaces(wrong), [], wrong);
});
