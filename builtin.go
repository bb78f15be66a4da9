package luahttpd

// BuiltIn names what is built in, in the words of nginx's configure script,
// for -V and for those who look there.
func BuiltIn() []string {
	return []string{
		"--with-http_ssl_module", "--with-http_realip_module", "--with-http_addition_module", "--with-http_sub_module",
		"--with-http_gunzip_module", "--with-http_gzip_static_module", "--with-http_auth_request_module",
		"--with-http_stub_status_module", "--with-http_flv_module", "--with-http_slice_module", "--with-http_dav_module", "--with-http_random_index_module", "--with-http_secure_link_module", "--with-threads", "--with-pcre", "--with-debug",
		"--without-http_grpc_module",
		"--without-http_browser_module", "--without-mail_pop3_module", "--without-mail_imap_module", "--without-mail_smtp_module",
	}
}
