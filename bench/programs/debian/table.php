<?php // Words counted in a table, sorted, joined and matched; objects of a small class.
final class Point {
  public function __construct(public int $x, public int $y) {}
  public function norm(): int { return ($this->x * $this->x + $this->y * $this->y) % 1009; }
}
$counts = [];
for ($i = 0; $i < 600000; $i++) {
  $word = 'w' . $i * 7919 % 5003;
  $counts[$word] = ($counts[$word] ?? 0) + 1;
}
arsort($counts);
$text = '';
foreach (array_slice($counts, 0, 200) as $word => $count) $text .= "$word=$count;";
preg_match_all('/w(\d+)=(\d+)/', $text, $found);
$sum = 0;
for ($i = 0; $i < 1000000; $i++) $sum += (new Point($i, $i ^ 5))->norm();
echo array_sum($found[1]), ' ', md5(str_repeat($text, 200)), ' ', $sum, "\n";
