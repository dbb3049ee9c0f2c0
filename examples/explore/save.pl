# Saves a report under its name once it is written; what is there before stays until then.
use strict;
use warnings;

my $report = join "", map { "line $_\n" } 1 .. 500;
open my $file, ">", "/tmp/report.new" or die "/tmp/report.new: $!";
defined syswrite $file, $report or die "/tmp/report.new: $!"; # it says how much was written, and nobody looks
close $file or die "/tmp/report.new: $!";
rename "/tmp/report.new", "/tmp/report" or die "/tmp/report: $!";
exit((-s "/tmp/report") == length $report ? 0 : 3);
