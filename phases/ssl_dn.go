package phases

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
)

// dnNames are OpenSSL's short names of the attributes of distinguished names.
var dnNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "street",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description", "2.5.4.15": "businessCategory", "2.5.4.17": "postalCode",
	"2.5.4.41": "name", "2.5.4.42": "GN", "2.5.4.43": "initials", "2.5.4.44": "generationQualifier", "2.5.4.46": "dnQualifier",
	"2.5.4.65": "pseudonym", "2.5.4.97": "organizationIdentifier", "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
	"1.2.840.113549.1.9.1": "emailAddress", "1.2.840.113549.1.9.2": "unstructuredName",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST", "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}

// distinguishedName is a name in DER as text (RFC 2253), as OpenSSL's
// XN_FLAG_RFC2253 has it: the last part first.
func distinguishedName(der []byte) string {
	var seq pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &seq); err != nil || len(rest) > 0 {
		return ""
	}
	var b strings.Builder
	for i := len(seq) - 1; i >= 0; i-- {
		for j := len(seq[i]) - 1; j >= 0; j-- {
			if b.Len() > 0 {
				if j == len(seq[i])-1 {
					b.WriteByte(',')
				} else {
					b.WriteByte('+')
				}
			}
			part := seq[i][j]
			oid := part.Type.String()
			value, isText := part.Value.(string)
			name, known := dnNames[oid]
			if !known || !isText { // RFC 2253, section 2.4
				value = fmt.Sprint(part.Value)
				if raw, err := asn1.Marshal(part.Value); err == nil {
					value = "#" + strings.ToUpper(hex.EncodeToString(raw))
				}
				if !known {
					name = oid
				}
				b.WriteString(name + "=" + value)
				continue
			}
			b.WriteString(name + "=")
			writeDNValue(&b, value)
		}
	}
	return b.String()
}

// writeDNValue writes a value with what is special in names escaped.
func writeDNValue(b *strings.Builder, value string) {
	for i := range len(value) {
		c := value[i]
		switch {
		case strings.IndexByte(",+\"\\<>;", c) >= 0, i == 0 && (c == ' ' || c == '#'), i == len(value)-1 && c == ' ':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(b, "\\%02X", c)
		default:
			b.WriteByte(c)
		}
	}
}

// dnAttribute is one attribute of a name as it stands in a certificate.
type dnAttribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// rdnSET is a set of attributes: encoding/asn1 reads a SET into types of such
// names.
type rdnSET []dnAttribute

// legacyName writes a name as X509_NAME_oneline() does: "/C=XX/CN=name".
func legacyName(der []byte) string {
	var seq []rdnSET
	if rest, err := asn1.Unmarshal(der, &seq); err != nil || len(rest) > 0 {
		return ""
	}
	var b strings.Builder
	for _, set := range seq {
		for i := range set {
			oid := set[i].Type.String()
			name, known := dnNames[oid]
			if !known {
				name = oid
			}
			b.WriteString("/" + name + "=")
			for _, c := range set[i].Value.Bytes {
				if c < 0x20 || c >= 0x7f {
					fmt.Fprintf(&b, "\\x%02X", c)
				} else {
					b.WriteByte(c)
				}
			}
		}
	}
	return b.String()
}
