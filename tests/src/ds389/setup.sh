# Sets up an instance `jit` of 389 Directory Server in a throw-away host: suffix dc=example,dc=com with ou=people and ou=groups, and the
# certificate of the tests' own authority. No systemd, no SELinux. Ends with the server stopped.
set -eu
sed -i 's/^with_systemd = 1/with_systemd = 0/' /usr/share/dirsrv/inf/defaults.inf
mkdir -p /run/lock
chmod 1777 /run/lock
cat >/root/instance.inf <<'I'
[general]
full_machine_name = localhost
start = True
strict_host_checking = False
systemd = False
selinux = False
[slapd]
instance_name = jit
root_password = admin-secret
port = 389
secure_port = 636
self_sign_cert = True
[backend-userroot]
suffix = dc=example,dc=com
create_suffix_entry = True
I
dscreate -v from-file /root/instance.inf >/root/dscreate.log 2>&1 || { tail -n 30 /root/dscreate.log >&2; exit 1; }
ldapadd -Q -Y EXTERNAL -H ldapi://%2Frun%2Fslapd-jit.socket <<'I'
dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=com
objectClass: organizationalUnit
ou: groups
I
dsctl jit stop
cd /etc/dirsrv/slapd-jit
certutil -F -d . -f pwdfile.txt -n Server-Cert
openssl pkcs12 -export -in /root/server.crt -inkey /root/server.key -name Server-Cert -passout pass:x -out /root/server.p12
pk12util -i /root/server.p12 -d . -k pwdfile.txt -W x
certutil -A -d . -f pwdfile.txt -n jit-tests -t CT,, -i /root/ca.crt
rm -f Server-Cert* Self-Signed-CA.pem /root/server.*
