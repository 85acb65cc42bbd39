{{/* Labels of every object; give a dict of `root` and `component`. */}}
{{- define "tokenward.labels" -}}
{{ include "tokenward.selector" . }}
app.kubernetes.io/part-of: tokenward
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What never changes between versions, as a selector must not. */}}
{{- define "tokenward.selector" -}}
app.kubernetes.io/name: tokenward
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "tokenward.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- define "tokenward.controllers" -}}
https://tokenward-controller.{{ .Release.Namespace }}.svc
{{- end }}

{{- define "tokenward.issuer" -}}
{{ .Values.authority.issuer | default (printf "https://tokenward-authority.%s.svc" .Release.Namespace) }}
{{- end }}
