=== functions of one text
--- config
location /t {
    set $a "a b";
    set_escape_uri $a;
    set_unescape_uri $b "x%20y+z";
    set_quote_sql_str $c "it's";
    set_quote_json_str $d 'a"b';
    set_md5 $e hello;
    set_encode_hex $f ab;
    set_encode_base64 $g "$f$f";
    set_decode_base64 $h $g;
    return 200 "$a|$b|$c|$d|$e|$f|$g|$h\n";
}
--- request
GET /t
--- response_body
a%20b|x y z|'it\'s'|"a\"b"|5d41402abc4b2a76b9719d911017c592|6162|NjE2MjYxNjI=|61626162

=== base32 by its settings
--- config
set_base32_padding off;
location /t {
    set_base32_alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    set_encode_base32 $a hello1;
    set_decode_base32 $b $a;
    return 200 "$a $b\n";
}
location /u {
    set_encode_base32 $a hello1;
    return 200 "$a\n";
}
--- request
GET /t
--- response_body
NBSWY3DPGE hello1

=== what cannot be decoded
--- config
location /t {
    set_decode_hex $a xyz;
    return 200;
}
--- request
GET /t
--- status: 500
--- error_log
set_decode_hex: bad text "xyz"

=== empty ones, ranges, rotation
--- config
location /t {
    set $a "";
    set_if_empty $a x;
    set_if_empty $a y;
    set_random $r 5 5;
    set_rotate $n 3 4;
    set_rotate $n 3 4;
    set_secure_random_lcalpha $s 1;
    return 200 "$a$r$n\n";
}
--- request
GET /t
--- response_body
x54

=== an HMAC
--- config
location /t {
    set_hmac_sha1 $a key hello;
    set_encode_hex $a;
    return 200 "$a\n";
}
--- request
GET /t
--- response_body
b34ceac4516ff23a143e61d79d0fa7a4fbe5f266

=== an upstream by hash
--- http_config
upstream_list all a b c;
--- config
location /t {
    set_hashed_upstream $u all $arg_k;
    return 200 "$u\n";
}
--- request
GET /t?k=foo
--- response_body
a
