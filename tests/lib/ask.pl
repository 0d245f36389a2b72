# ask SERVER PORT PROTOCOL NAME TYPE [EDNS]: one DNS query, for tests on the host and in guests, which have perl-base. Prints
# "NOERROR" or another code, " tc" when the answer was truncated, then each record's data: an address, a name, or its length.
use strict;
use warnings;
use IO::Handle;
use Socket qw(:DEFAULT inet_ntop AF_INET6);

my ($server, $port, $proto, $name, $type, $edns) = @ARGV;
my %types = (A => 1, NS => 2, CNAME => 5, PTR => 12, MX => 15, TXT => 16, AAAA => 28);
my @codes = qw(NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED);
my $id = int(rand(65536));
my $query = pack('nnnnnn', $id, 0x0100, 1, 0, 0, $edns ? 1 : 0) . join('', map { pack('C/a', $_) } split(/\./, $name)) .
	pack('Cnn', 0, $types{$type} || $type, 1);
$query .= pack('CnnNn', 0, 41, $edns, 0, 0) if $edns;

# ASK_DEVICE: connects through that interface only, and listens to all again, as systemd-resolved does.
my $p = '';
alarm(20);
socket(my $s, PF_INET, $proto eq 'tcp' ? SOCK_STREAM : SOCK_DGRAM, 0) or die "no socket: $!\n";
my $bind_to_device = 25;
setsockopt($s, SOL_SOCKET, $bind_to_device, $ENV{ASK_DEVICE} . "\0") or die "device: $!\n" if $ENV{ASK_DEVICE};
connect($s, pack_sockaddr_in($port, inet_aton($server))) or die "cannot connect: $!\n";
setsockopt($s, SOL_SOCKET, $bind_to_device, "\0") or die "no device: $!\n" if $ENV{ASK_DEVICE};
if ($proto eq 'tcp') {
	print $s pack('n', length($query)) . $query;
	$s->flush;
	read($s, my $size, 2) == 2 or die "no answer\n";
	read($s, $p, unpack('n', $size));
} else {
	send($s, $query, 0);
	defined(recv($s, $p, 65535, 0)) or die "no answer: $!\n";
}
my ($got, $flags, $qd, $an) = unpack('nnnn', $p);
die "another id\n" if $got != $id;

sub name_at {
	my ($at) = @_;
	my ($end, @labels);
	while (my $n = unpack('C', substr($p, $at, 1))) {
		if ($n >= 0xc0) {
			$end //= $at + 2;
			$at = unpack('n', substr($p, $at, 2)) & 0x3fff;
		} else {
			push @labels, substr($p, $at + 1, $n);
			$at += 1 + $n;
		}
	}
	return (join('.', @labels), $end // $at + 1);
}

my $at = 12;
$at = (name_at($at))[1] + 4 for 1 .. $qd;
print $codes[$flags & 15], $flags & 0x200 ? ' tc' : '';
for (1 .. $an) {
	$at = (name_at($at))[1];
	my ($t, undef, undef, $n) = unpack('nnNn', substr($p, $at, 10));
	my $data = substr($p, $at + 10, $n);
	$data = $t == 1 ? inet_ntop(AF_INET, $data) : $t == 28 ? inet_ntop(AF_INET6, $data) :
		$t == 5 || $t == 12 || $t == 2 ? (name_at($at + 10))[0] : $n;
	print " $data";
	$at += 10 + $n;
}
print "\n";
