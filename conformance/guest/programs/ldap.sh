# Debian: slapd ldap-utils
# Image: servers
set -euo pipefail
mkdir -p /run/slapd
slapd -h 'ldap://127.0.0.1:3890 ldapi:///'
until ldapsearch -x -H ldap://127.0.0.1:3890 -s base -b '' > /dev/null 2>&1; do sleep 0.5; done
ldapwhoami -Q -Y EXTERNAL -H ldapi:/// | grep uidNumber=0
ldapsearch -x -H ldap://127.0.0.1:3890 -b dc=nodomain -LLL | grep '^dn: dc=nodomain'
