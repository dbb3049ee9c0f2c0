# Debian: krb5-kdc krb5-admin-server krb5-user
# Image: servers
set -euo pipefail
printf '[libdefaults]\n default_realm = T.LAN\n[realms]\n T.LAN = {\n  kdc = 127.0.0.1\n }\n' > /etc/krb5.conf
kdb5_util create -s -P master -r T.LAN
kadmin.local -q 'addprinc -pw secret user'
kadmin.local -q 'addprinc -randkey host/here'
krb5kdc
echo secret | kinit user
kvno host/here
klist | grep host/here@T.LAN
if echo wrong | kinit user; then exit 1; fi
