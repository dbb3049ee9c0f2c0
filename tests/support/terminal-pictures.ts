/** Pictures that programs write to a terminal, and what of them a page of ours shows. */

/** For a shell's printf: 40 × 12 pixels of red, as sixel. */
export const RED_SIXEL = String.raw`\033Pq#1;2;100;0;0#1!40~-!40~\033\\`;
/** The same as iTerm2's inline image: a PNG of 1 × 1, blown up to two cells of a line. */
export const GREEN_INLINE =
  String.raw`\033]1337;File=inline=1;size=69;width=2;height=1;preserveAspectRatio=0:` +
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNg+M8AAAICAQB7CYF4AAAAAElFTkSuQmCC" +
  String.raw`\007`;

/** As chafa writes it: a TIFF, and its size not said. */
export const GREEN_TIFF =
  String.raw`\033]1337;File=inline=1;width=2;height=1;preserveAspectRatio=0:` +
  "SUkqAAwAAAAA/wD/CQAAAQMAAQAAAAEAAAABAQMAAQAAAAEAAAACAQMABAAAAH4AAAADAQMAAQAAAAEAAAAGAQMAAQAAAAIA" +
  "AAARAQQAAQAAAAgAAAAVAQMAAQAAAAQAAAAWAQMAAQAAAAEAAABSAQMAAQAAAAIAAAAAAAAACAAIAAgACAA=" +
  String.raw`\007`;

/** Of the first terminal, of which there is a picture: pixels that are red, and that are green. */
export const PICTURE_PIXELS = `(() => {
  const canvas = document.querySelector(".xterm-image-layer");
  if (canvas === null) return "none";
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let red = 0, green = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] > 250 && data[at + 1] < 5) red++;
    if (data[at + 1] > 250 && data[at] < 5) green++;
  }
  return red + " red, " + green + " green";
})()`;
