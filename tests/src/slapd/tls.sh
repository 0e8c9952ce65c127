# Makes an authority of our own with a server's and a host's certificate, and a stranger's authority, in the folder
# $1, and what that one signs under the server's name.
set -eu
cd "$1"
umask 077
key() { openssl ecparam -genkey -name prime256v1 -noout -out "$1.key" 2>/dev/null; }
authority() {
    key "$1"
    openssl req -x509 -new -key "$1.key" -days 30 -subj "/CN=$2" -addext basicConstraints=critical,CA:TRUE -out "$1.crt"
}
signed() {
    key "$1"
    openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
    printf 'subjectAltName=%s\n' "$3" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$4.crt" -CAkey "$4.key" -CAcreateserial -days 30 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
}
authority ca "test authority"
authority stranger "another authority"
signed server "/CN=ldap.example.com" "DNS:localhost,DNS:ldap.example.com,IP:127.0.0.1" ca
signed impostor "/CN=ldap.example.com" "DNS:localhost,DNS:ldap.example.com,IP:127.0.0.1" stranger
signed host "/DC=com/DC=example/OU=hosts/CN=web1" "DNS:web1.prod.example.com" ca
chmod 644 ca.crt stranger.crt server.crt host.crt
