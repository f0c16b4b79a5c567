from backend.records.assessment.rules.subjects import *  # moved here once the other half has settled
from backend.records.assessment.rules.subjects import AssessedBy as AssessedBy
