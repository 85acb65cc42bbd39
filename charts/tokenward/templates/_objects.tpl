{{/* Service, disruption budget and service account of a process; give a dict of `root`, `component` and `port`. */}}
{{- define "tokenward.objects" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: tokenward-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "tokenward.labels" . | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: v1
kind: Service
metadata:
  name: tokenward-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "tokenward.labels" . | nindent 4 }}
spec:
  ipFamilyPolicy: PreferDualStack
  selector:
    {{- include "tokenward.selector" . | nindent 4 }}
  ports:
    - name: {{ .port }}
      port: 443
      targetPort: {{ .port }}
      protocol: TCP
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: tokenward-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "tokenward.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "tokenward.selector" . | nindent 6 }}
{{- end }}
