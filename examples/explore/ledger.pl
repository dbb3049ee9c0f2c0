# A ledger that takes deposits by UDP: each is sent again until it is acknowledged. Is every one booked once?
# With "remember" as its argument the ledger knows those that it has booked.
use strict;
use warnings;
use Socket;

my $remembers = ($ARGV[0] // "") eq "remember";
my $place = pack_sockaddr_in(7000, INADDR_LOOPBACK);
socket my $ledger, AF_INET, SOCK_DGRAM, 0 or die "socket: $!";
bind $ledger, $place or die "bind: $!";

my $child = fork // die "fork: $!";
if ($child == 0) {
    my ($total, %booked) = 0;
    while (defined(my $from = recv $ledger, my $message, 64, 0)) {
        my ($what, $number, $amount) = split / /, $message;
        $total += $amount if $what eq "deposit" && !($remembers && $booked{$number}++);
        send $ledger, "$number $total", 0, $from;
    }
    exit 1;
}

my $number = 0;
socket my $client, AF_INET, SOCK_DGRAM, 0 or die "socket: $!";

# What the ledger says to that; answers to what was asked before are passed over.
sub ask {
    my ($what, $amount) = @_;
    $number++;
    for (;;) {
        send $client, "$what $number $amount", 0, $place;
        my $until = 1;
        while (select(my $ready = do { my $set = ""; vec($set, fileno $client, 1) = 1; $set }, undef, undef, $until)) {
            recv $client, my $answer, 64, 0;
            my ($to, $total) = split / /, $answer;
            return $total if $to == $number;
        }
    }
}

ask("deposit", $_) for 5, 20, 100;
my $total = ask("total", 0);
kill "KILL", $child;
print "the total is $total\n";
exit($total == 125 ? 0 : 1);
