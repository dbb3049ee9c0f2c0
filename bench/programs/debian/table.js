// Words counted in a table, sorted, joined and matched; objects of a small class; JSON there and back.
class Point {
  constructor(x, y) {
    this.x = x;
    this.y = y;
  }
  norm() {
    return (this.x * this.x + this.y * this.y) % 1009;
  }
}
const counts = new Map();
for (let i = 0; i < 200000; i++) {
  const word = `w${(i * 7919) % 5003}`;
  counts.set(word, (counts.get(word) ?? 0) + 1);
}
const top = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 200);
const text = top.map(([word, count]) => `${word}=${count}`).join(";");
let found = 0;
for (const [, a, b] of text.matchAll(/w(\d+)=(\d+)/g)) found += Number(a) + Number(b);
let sum = 0;
for (let i = 0; i < 1000000; i++) sum += new Point(i & 0xffff, i & 0xff).norm();
console.log(found, sum, JSON.parse(JSON.stringify([...counts])).length);
