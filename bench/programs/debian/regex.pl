# Perl: a large hash, regular expressions, sorting.
use strict;
use warnings;
my (%count, $sum, $matched);
$sum = $matched = 0;
for my $i (0 .. 200_000) {
    my $key = "k" . ($i * 7919 % 50021);
    $count{$key} += $i;
}
for my $key (keys %count) { $sum += $count{$key} if $key =~ /^k(\d*)7(\d)$/ && $1 ne $2; }
my $text = join ' ', map { "word$_=" . ($_ * 31 % 1009) } 1 .. 40_000;
while ($text =~ /(\w+?)(\d+)=(\d{2,3})\b/g) { $matched += $2 * $3; }
(my $other = $text) =~ s/(\d)(\d)/$2$1/g;
my @sorted = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print "$sum $matched ", length($other), " @sorted[0..2]\n";
